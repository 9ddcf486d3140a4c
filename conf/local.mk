# conf/: samples and the man page of the format.
EXTRA_DIST += conf/hub.ini conf/hub-minimal.ini conf/spoke.ini conf/spoke-minimal.ini
EXTRA_DIST += conf/spokesync.ini.5.scd
if MAN_PAGES
dist_man_MANS += conf/spokesync.ini.5
endif
