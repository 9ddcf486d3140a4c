# contrib/: each file has its line in contrib/README.
EXTRA_DIST += contrib/README contrib/check contrib/demo contrib/install-packages contrib/packages
EXTRA_DIST += contrib/completions/spokesync contrib/systemd/spokesyncd.service \
	contrib/systemd/spokesync.sysusers contrib/systemd/spokesync.tmpfiles \
	contrib/systemd/spokesync.logrotate
