# bounce_logger: the bouncelog
module_LTLIBRARIES += %D%/bounce_logger.la
%C%_bounce_logger_la_SOURCES = %D%/bounce_logger.c %D%/format.c %D%/format.h
%C%_bounce_logger_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -export-symbols-regex '^ec_module_export$$'
dist_moduledoc_DATA += %D%/bounce_logger.md
