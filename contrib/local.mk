# contrib/: each file has its line in contrib/README.
EXTRA_DIST += contrib/README contrib/check contrib/demo contrib/install-packages contrib/packages
