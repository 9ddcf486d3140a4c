# conf/: samples and the man page of the format; and how all man pages are made.
dist_doc_DATA = README NEWS conf/hub.ini conf/hub-minimal.ini conf/spoke.ini conf/spoke-minimal.ini

# X.N comes from X.N.scd beside what it documents. They are in the tarball: its users need no scdoc.
EXTRA_DIST += conf/spokesync.ini.5.scd scheduler/spokesync.1.scd scheduler/spokesync-dfsr.7.scd \
	scheduler/spokesyncd.8.scd transfer/spokesync-protocol.7.scd
if MAN_PAGES
dist_man_MANS = conf/spokesync.ini.5 scheduler/spokesync.1 scheduler/spokesync-dfsr.7 \
	scheduler/spokesyncd.8 transfer/spokesync-protocol.7
endif
if HAVE_SCDOC
SUFFIXES = .scd
.scd:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SCDOC) <$< >$@.tmp && mv $@.tmp $@
endif
MAINTAINERCLEANFILES += conf/spokesync.ini.5 scheduler/spokesync.1 scheduler/spokesync-dfsr.7 \
	scheduler/spokesyncd.8 transfer/spokesync-protocol.7
