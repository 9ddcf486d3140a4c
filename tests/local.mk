# tests/: mirrors the three modules.
#
# A unit test is one line: UNIT += tests/unit/test_<file>  (its source is tests/unit/test_<file>.c).
# A simulation likewise with SIM; a fuzz target with FUZZ (tests/fuzz/fuzz_<x>.c, and its corpus in
# tests/fuzz/corpus/<x>/). More sources than the one: <name with _>_SOURCES, as automake has it.
UNIT =
SIM =
FUZZ =

LDADD = $(SCHEDULER_LIBS) $(CMOCKA_LIBS)

# A module whole, with what lies below it and nothing above: an upward call does not link.
LAYERS = tests/layers/link_policy tests/layers/link_transfer
tests_layers_link_policy_SOURCES = tests/layers/link.c
tests_layers_link_policy_LDADD = $(WHOLE) libpolicy.a $(PART) $(POLICY_LIBS)
tests_layers_link_transfer_SOURCES = tests/layers/link.c
tests_layers_link_transfer_LDADD = $(WHOLE) libtransfer.a libpolicy.a $(PART) $(TRANSFER_LIBS)

check_PROGRAMS += $(LAYERS)
TESTS += $(LAYERS) tests/check_layers
EXTRA_DIST += tests/check_layers tests/fences

if HAVE_CMOCKA
check_PROGRAMS += $(UNIT) $(SIM)
TESTS += $(UNIT) $(SIM)
endif

# For contrib/check, which runs and counts the tests itself.
list-tests:
	@for t in $(LAYERS) $(UNIT) $(SIM) $(FUZZ); do echo $$t; done
.PHONY: list-tests
