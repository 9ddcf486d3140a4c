# conf/: samples and the man page of the format.
