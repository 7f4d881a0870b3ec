# custom_logger: formats and files of the operator's own
module_LTLIBRARIES += %D%/custom_logger.la
%C%_custom_logger_la_SOURCES = %D%/custom_logger.c %D%/expand.c %D%/format.c %D%/format.h %D%/sanitize.c %D%/sanitize.h
%C%_custom_logger_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -export-symbols-regex '^ec_module_export$$'
dist_moduledoc_DATA += %D%/custom_logger.md
