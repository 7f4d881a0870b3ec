# validate_config
bin_PROGRAMS += bin/validate_config
bin_validate_config_SOURCES = %D%/main.c
bin_validate_config_LDADD = libecelerity.la
