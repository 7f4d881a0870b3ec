# ec_dump_config
bin_PROGRAMS += bin/ec_dump_config
bin_ec_dump_config_SOURCES = %D%/main.c
bin_ec_dump_config_LDADD = libecelerity.la
