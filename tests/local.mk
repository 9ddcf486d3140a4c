# tests/: mirrors the three modules.
#
# A unit test is one line: UNIT += tests/unit/test_<file>  (its source is tests/unit/test_<file>.c).
# A simulation likewise with SIM; a fuzz target with FUZZ (tests/fuzz/fuzz_<x>.c, and its corpus in
# tests/fuzz/corpus/<x>/). More sources than the one: <name with _>_SOURCES, as automake has it.
UNIT =
UNIT += tests/unit/test_anchors
UNIT += tests/unit/test_args
UNIT += tests/unit/test_base
UNIT += tests/unit/test_bucket
UNIT += tests/unit/test_bulkio
UNIT += tests/unit/test_bundle
UNIT += tests/unit/test_bundle_edits
UNIT += tests/unit/test_bundle_jobs
UNIT += tests/unit/test_bundle_resume
UNIT += tests/unit/test_cmd
UNIT += tests/unit/test_command
UNIT += tests/unit/test_config
UNIT += tests/unit/test_core
UNIT += tests/unit/test_core_forecast
UNIT += tests/unit/test_core_parts
UNIT += tests/unit/test_core_sets
UNIT += tests/unit/test_core_time
UNIT += tests/unit/test_core_zones
UNIT += tests/unit/test_db
UNIT += tests/unit/test_deadline
UNIT += tests/unit/test_delta
UNIT += tests/unit/test_descent
UNIT += tests/unit/test_digest
UNIT += tests/unit/test_extents
UNIT += tests/unit/test_filter
UNIT += tests/unit/test_forward
UNIT += tests/unit/test_forward_order
UNIT += tests/unit/test_forward_steps
UNIT += tests/unit/test_frame
UNIT += tests/unit/test_http
UNIT += tests/unit/test_hub_db
UNIT += tests/unit/test_hub_files
UNIT += tests/unit/test_hub_rates
UNIT += tests/unit/test_index
UNIT += tests/unit/test_index_build
UNIT += tests/unit/test_index_sectors
UNIT += tests/unit/test_joblog
UNIT += tests/unit/test_joincode
UNIT += tests/unit/test_key
UNIT += tests/unit/test_learn
UNIT += tests/unit/test_limit
UNIT += tests/unit/test_lockfile
UNIT += tests/unit/test_manifest
UNIT += tests/unit/test_match
UNIT += tests/unit/test_meter
UNIT += tests/unit/test_nearest
UNIT += tests/unit/test_notices
UNIT += tests/unit/test_notify
UNIT += tests/unit/test_order
UNIT += tests/unit/test_override
UNIT += tests/unit/test_pairing
UNIT += tests/unit/test_parse
UNIT += tests/unit/test_pin
UNIT += tests/unit/test_push
UNIT += tests/unit/test_preserve
UNIT += tests/unit/test_retry
UNIT += tests/unit/test_rights
UNIT += tests/unit/test_scan
UNIT += tests/unit/test_server
UNIT += tests/unit/test_sets
UNIT += tests/unit/test_settle
UNIT += tests/unit/test_greetings
UNIT += tests/unit/test_guard
UNIT += tests/unit/test_inspect
UNIT += tests/unit/test_shaper
UNIT += tests/unit/test_shaper_bound
UNIT += tests/unit/test_shaper_accuracy
UNIT += tests/unit/test_share
UNIT += tests/unit/test_source
UNIT += tests/unit/test_ahead
UNIT += tests/unit/test_leaves
UNIT += tests/unit/test_spool
UNIT += tests/unit/test_container
UNIT += tests/unit/test_expiry
UNIT += tests/unit/test_staging
UNIT += tests/unit/test_hooks
UNIT += tests/unit/test_nodes
UNIT += tests/unit/test_scrub
UNIT += tests/unit/test_space
UNIT += tests/unit/test_spoke
UNIT += tests/unit/test_spoke_crash
UNIT += tests/unit/test_spoke_room
UNIT += tests/unit/test_spoke_use
UNIT += tests/unit/test_publish
UNIT += tests/unit/test_journal
UNIT += tests/unit/test_timetable
UNIT += tests/unit/test_timetext
UNIT += tests/unit/test_tree
UNIT += tests/unit/test_units
UNIT += tests/unit/test_view
UNIT += tests/unit/test_week
UNIT += tests/unit/test_window
UNIT += tests/unit/test_windowline
UNIT += tests/unit/test_wire
UNIT += tests/unit/test_worker
UNIT += tests/unit/test_zone
UNIT += tests/unit/test_rate
UNIT += tests/unit/test_diff
UNIT += tests/unit/test_dfsr
UNIT += tests/unit/test_explain
UNIT += tests/unit/test_keys
UNIT += tests/unit/test_address
SIM =
SIM += tests/sim/sim
FUZZ =
FUZZ += tests/fuzz/fuzz_config
FUZZ += tests/fuzz/fuzz_frame
FUZZ += tests/fuzz/fuzz_wire
FUZZ += tests/fuzz/fuzz_index
FUZZ += tests/fuzz/fuzz_tree
FUZZ += tests/fuzz/fuzz_api
FUZZ += tests/fuzz/fuzz_image
FUZZ += tests/fuzz/fuzz_manifest
FUZZ += tests/fuzz/fuzz_join
FUZZ += tests/fuzz/fuzz_paths
FUZZ += tests/fuzz/fuzz_rows

if FUZZING
# main() is libFuzzer's, so the fuzz targets are all that is built.
LDADD = $(SCHEDULER_LIBS) $(FUZZ_ENGINE)
check_PROGRAMS += $(FUZZ)
else
# main() of a fuzz target comes out of this archive: it replays the corpus.
check_LIBRARIES = tests/fuzz/libreplay.a
tests_fuzz_libreplay_a_SOURCES = tests/fuzz/replay.c
LDADD = tests/fuzz/libreplay.a $(SCHEDULER_LIBS) $(CMOCKA_LIBS)

# A module whole, with what lies below it and nothing above: an upward call does not link.
LAYERS = tests/layers/link_policy tests/layers/link_transfer
tests_layers_link_policy_SOURCES = tests/layers/link.c
tests_layers_link_policy_LDADD = $(WHOLE) libpolicy.a $(PART) $(POLICY_LIBS)
tests_layers_link_transfer_SOURCES = tests/layers/link.c
tests_layers_link_transfer_LDADD = $(WHOLE) libtransfer.a libpolicy.a $(PART) $(TRANSFER_LIBS)

# Benchmarks in C.
check_PROGRAMS += tests/bench/core_scale
tests_bench_core_scale_LDADD = $(SCHEDULER_LIBS)
check_PROGRAMS += tests/bench/index_time
tests_bench_index_time_LDADD = $(TRANSFER_LIBS)
check_PROGRAMS += tests/bench/delta_cost
tests_bench_delta_cost_LDADD = $(TRANSFER_LIBS)
# What the end-to-end tests look at a spoke's disk with.
check_PROGRAMS += tests/sys/position
tests_sys_position_LDADD = $(TRANSFER_LIBS)
# What a hub would send that lies.
check_PROGRAMS += tests/sys/lies
tests_sys_lies_LDADD = $(TRANSFER_LIBS)

# A daemon that speaks the version of the protocol before this one; only that much of it is built anew.
check_PROGRAMS += tests/sys/spokesyncd_before
tests_sys_spokesyncd_before_SOURCES = scheduler/main.c transfer/wire_version.c
tests_sys_spokesyncd_before_CPPFLAGS = $(AM_CPPFLAGS) -DWIRE_VERSION=1
tests_sys_spokesyncd_before_LDADD = $(SCHEDULER_LIBS)

# What the documentation must name.
DOCS = tests/docs/list
tests_docs_list_SOURCES = tests/docs/list.c
tests_docs_list_LDADD = $(SCHEDULER_LIBS)

check_PROGRAMS += $(LAYERS) $(DOCS) $(FUZZ)
TESTS += $(LAYERS) $(FUZZ) tests/check_layers tests/check_docs
if HAVE_CMOCKA
check_PROGRAMS += $(UNIT) $(SIM)
TESTS += $(UNIT) $(SIM) tests/sim/stops
endif
endif

tests_sim_sim_SOURCES = tests/sim/sim.c tests/sim/sim.h tests/sim/sim_count.h \
	tests/sim/sim_check.c tests/sim/sim_config.c tests/sim/sim_driver.c tests/sim/sim_fault.c \
	tests/sim/sim_fleet.c tests/sim/sim_kept.c tests/sim/sim_move.c tests/sim/sim_order.c \
	tests/sim/sim_rules.c tests/sim/sim_sets.c tests/sim/sim_world.c tests/sim/sim_zone.c
tests_sim_sim_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=zone_new
BUNDLE_RIG = tests/unit/bundle_rig.c tests/unit/bundle_rig.h tests/unit/temp.h
tests_unit_test_bundle_SOURCES = tests/unit/test_bundle.c $(BUNDLE_RIG)
tests_unit_test_bundle_edits_SOURCES = tests/unit/test_bundle_edits.c tests/unit/staged.h \
	$(BUNDLE_RIG)
tests_unit_test_bundle_jobs_SOURCES = tests/unit/test_bundle_jobs.c $(BUNDLE_RIG)
tests_unit_test_bundle_resume_SOURCES = tests/unit/test_bundle_resume.c $(BUNDLE_RIG)
tests_unit_test_push_SOURCES = tests/unit/test_push.c tests/unit/fake_spoke.h \
	tests/unit/temp.h
tests_unit_test_publish_SOURCES = tests/unit/test_publish.c tests/unit/mounted.h
tests_unit_test_extents_SOURCES = tests/unit/test_extents.c tests/unit/mounted.h
SPOKE_RIG = tests/unit/spoke_rig.c tests/unit/spoke_rig.h tests/unit/aside.h
tests_unit_test_server_SOURCES = tests/unit/test_server.c tests/unit/aside.h
tests_unit_test_http_SOURCES = tests/unit/test_http.c tests/unit/aside.h
tests_unit_test_spoke_SOURCES = tests/unit/test_spoke.c $(SPOKE_RIG)
tests_unit_test_spoke_crash_SOURCES = tests/unit/test_spoke_crash.c $(SPOKE_RIG)
tests_unit_test_spoke_room_SOURCES = tests/unit/test_spoke_room.c $(SPOKE_RIG)
tests_unit_test_spoke_use_SOURCES = tests/unit/test_spoke_use.c $(SPOKE_RIG)
# A worker is held while it decodes; a lock file comes between two steps of a publication.
tests_unit_test_spoke_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=frame_decode
tests_unit_test_spoke_use_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=publish_prepare
CORE_RIG = tests/unit/core_rig.c tests/unit/core_rig.h
tests_unit_test_cmd_SOURCES = tests/unit/test_cmd.c $(CORE_RIG)
tests_unit_test_core_SOURCES = tests/unit/test_core.c $(CORE_RIG)
tests_unit_test_core_forecast_SOURCES = tests/unit/test_core_forecast.c $(CORE_RIG)
tests_unit_test_forward_SOURCES = tests/unit/test_forward.c tests/unit/forward_rig.h \
	$(CORE_RIG)
tests_unit_test_forward_order_SOURCES = tests/unit/test_forward_order.c tests/unit/forward_rig.h \
	$(CORE_RIG)
tests_unit_test_forward_steps_SOURCES = tests/unit/test_forward_steps.c tests/unit/forward_rig.h \
	$(CORE_RIG)
tests_unit_test_hub_rates_SOURCES = tests/unit/test_hub_rates.c $(CORE_RIG)
tests_unit_test_core_sets_SOURCES = tests/unit/test_core_sets.c $(CORE_RIG)
tests_unit_test_core_time_SOURCES = tests/unit/test_core_time.c $(CORE_RIG)
tests_unit_test_core_zones_SOURCES = tests/unit/test_core_zones.c $(CORE_RIG) tests/unit/temp.h
tests_unit_test_week_SOURCES = tests/unit/test_week.c scheduler/client_week.c scheduler/client_text.c

EXTRA_DIST += tests/README tests/check_layers tests/check_docs tests/fences tests/sys tests/bench \
	tests/sim/seeds tests/sim/stops \
	tests/unit/calendar.h tests/unit/ini.h tests/unit/zones.h \
	tests/cppcheck.supp tests/lsan.supp tests/tsan tests/tsan.supp tests/broken

# For contrib/check, which runs and counts the tests itself.
list-layers:
	@for t in $(LAYERS); do echo $$t; done
list-unit:
	@for t in $(UNIT); do echo $$t; done
list-sim:
	@for t in $(SIM); do echo $$t; done
list-fuzz:
	@for t in $(FUZZ); do echo $$t; done
.PHONY: list-layers list-unit list-sim list-fuzz

# Corpora are found by their folder, not listed file by file.
dist-hook:
	@if test -d $(srcdir)/tests/fuzz/corpus; then \
		$(MKDIR_P) $(distdir)/tests/fuzz && \
		cp -R $(srcdir)/tests/fuzz/corpus $(distdir)/tests/fuzz/; \
	fi

# The threads under TSan.
check-tsan:
	$(srcdir)/tests/tsan
# Each promise broken on purpose: does its test fail?
check-broken:
	$(srcdir)/tests/broken
.PHONY: check-tsan check-broken

# End to end, and the benchmarks (root: they make network namespaces).
check-sys: all $(DOCS) tests/sys/position tests/sys/spokesyncd_before tests/sys/lies
	SPOKESYNC_BUILD=$(abs_builddir) $(srcdir)/tests/sys/run
bench-rsync: all
	SPOKESYNC_BUILD=$(abs_builddir) $(srcdir)/tests/bench/rsync_vs.sh
bench-window: all
	SPOKESYNC_BUILD=$(abs_builddir) $(srcdir)/tests/bench/window_shape.sh
bench-kill: all
	SPOKESYNC_BUILD=$(abs_builddir) $(srcdir)/tests/bench/kill_loop.sh
# Sets of images to three spokes, with kills, closed windows and deletions at random.
bench-sets: all
	SPOKESYNC_BUILD=$(abs_builddir) $(srcdir)/tests/bench/sets.sh
# Every durable step killed at, and a hundred power cuts.
bench-crash: all tests/sys/position
	SPOKESYNC_BUILD=$(abs_builddir) $(srcdir)/tests/bench/crash.sh
# Beside a daemon of an older commit, both ways round.
bench-upgrade: all
	SPOKESYNC_BUILD=$(abs_builddir) $(srcdir)/tests/bench/upgrade.sh $(BEFORE)
bench-memory: all
	SPOKESYNC_BUILD=$(abs_builddir) $(srcdir)/tests/bench/memory.sh
# The page cache through an image of 4 GB; needs 10 GB that the machine has no other use for.
bench-cache: all
	CACHE_MB=4096 TMPDIR=$${BENCH_DIR:-/var/tmp} SPOKESYNC_BUILD=$(abs_builddir) \
		bats --tap $(srcdir)/tests/sys/25-cache.bats
# Two hundred links that fail, real time (net.sh); then fleets in virtual time, until told to stop. A
# failing seed is printed and replays. Each has a name of its own.
soak: soak-net soak-load soak-sim
soak-net: all
	SPOKESYNC_BUILD=$(abs_builddir) $(srcdir)/tests/bench/net.sh
soak-sim: tests/sim/sim
	@exec tests/sim/sim --seeds $(srcdir)/tests/sim/seeds --from $$(date +%s) --forever --jobs 0 \
		--spokes 20 --days 7
fuzz:
	$(srcdir)/tests/fuzz/run $${FUZZ_SECONDS:-3600} $$FUZZ_TARGETS
bench-plan: all
	SPOKESYNC_BUILD=$(abs_builddir) $(srcdir)/tests/bench/plan_real.sh
bench-core: tests/bench/core_scale
	tests/bench/core_scale
bench-shape: all tests/bench/wire_meter
	SPOKESYNC_BUILD=$(abs_builddir) $(srcdir)/tests/bench/shape.sh
EXTRA_PROGRAMS = tests/bench/wire_meter
tests_bench_wire_meter_LDADD =
bench-delta: all tests/bench/delta_cpu
	SPOKESYNC_BUILD=$(abs_builddir) $(srcdir)/tests/bench/delta.sh $(DELTA)
EXTRA_PROGRAMS += tests/bench/delta_cpu
tests_bench_delta_cpu_LDADD = $(TRANSFER_LIBS)
# Two hundred spokes: ten minutes (LOAD_SECONDS=180: three), an hour.
bench-load: all
	SPOKESYNC_BUILD=$(abs_builddir) $(srcdir)/tests/bench/load.sh
soak-load: all
	LOAD_SECONDS=3600 SPOKESYNC_BUILD=$(abs_builddir) $(srcdir)/tests/bench/load.sh
bench: bench-core bench-plan bench-rsync bench-window bench-kill bench-sets bench-crash bench-memory \
	bench-cache bench-shape bench-delta bench-upgrade bench-load
.PHONY: check-sys soak soak-net soak-sim soak-load fuzz bench bench-core bench-plan bench-rsync bench-window \
	bench-kill bench-sets bench-crash bench-memory bench-cache bench-shape bench-delta bench-upgrade bench-load
