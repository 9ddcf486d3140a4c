# contrib/: each file has its line in contrib/README.
