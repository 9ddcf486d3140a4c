# tests/: mirrors the three modules.
#
# A unit test is one line: UNIT += tests/unit/test_<file>  (its source is tests/unit/test_<file>.c).
# A simulation likewise with SIM; a fuzz target with FUZZ (tests/fuzz/fuzz_<x>.c, and its corpus in
# tests/fuzz/corpus/<x>/). More sources than the one: <name with _>_SOURCES, as automake has it.
UNIT =
SIM =
FUZZ =

LDADD = $(SCHEDULER_LIBS) $(CMOCKA_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += $(UNIT) $(SIM)
TESTS += $(UNIT) $(SIM)
endif
