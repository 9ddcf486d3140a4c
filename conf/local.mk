# conf/: samples and the man page of the format.

# Man pages are written in scdoc beside what they document. Here because all are made alike.
MAN_SCD = conf/spokesync.ini.5.scd scheduler/spokesync.1.scd scheduler/spokesyncd.8.scd
if MAN_PAGES
dist_man_MANS = $(MAN_SCD:.scd=)
endif
EXTRA_DIST += $(MAN_SCD)
MAINTAINERCLEANFILES += $(MAN_SCD:.scd=)
conf/spokesync.ini.5: conf/spokesync.ini.5.scd
scheduler/spokesync.1: scheduler/spokesync.1.scd
scheduler/spokesyncd.8: scheduler/spokesyncd.8.scd
$(MAN_SCD:.scd=):
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SCDOC) <$(srcdir)/$@.scd >$@.tmp && mv $@.tmp $@

samplesdir = $(docdir)/examples
dist_samples_DATA = conf/hub.ini conf/hub-minimal.ini conf/spoke.ini conf/spoke-minimal.ini
