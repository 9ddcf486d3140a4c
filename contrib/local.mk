# contrib/: each file has its line in contrib/README.
EXTRA_DIST += contrib/README contrib/check contrib/demo contrib/install-packages contrib/packages

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = contrib/completions/spokesync

hooksdir = $(docdir)/hooks
dist_hooks_SCRIPTS = contrib/hooks/image-server contrib/hooks/mail

# Beside the documents, for whoever packages it: the unit names /usr/sbin.
systemddocdir = $(docdir)/systemd
dist_systemddoc_DATA = contrib/systemd/spokesyncd.service contrib/systemd/spokesync.sysusers \
	contrib/systemd/spokesync.tmpfiles contrib/systemd/spokesync.logrotate
