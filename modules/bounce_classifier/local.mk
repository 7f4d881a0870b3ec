# bounce_classifier: what a refusal means, by rules
module_LTLIBRARIES += %D%/bounce_classifier.la
%C%_bounce_classifier_la_SOURCES = %D%/bounce_classifier.c %D%/literal.c %D%/literal.h %D%/load.c %D%/rules.c %D%/rules.h \
  %D%/screen.c %D%/screen.h
%C%_bounce_classifier_la_CPPFLAGS = $(AM_CPPFLAGS) $(PCRE2_CFLAGS) -DEC_RULES=\"$(pkgdatadir)/smtp_classification.ovr\"
%C%_bounce_classifier_la_LIBADD = $(PCRE2_LIBS)
%C%_bounce_classifier_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -export-symbols-regex '^ec_module_export$$'
dist_pkgdata_DATA += %D%/smtp_classification.ovr
dist_moduledoc_DATA += %D%/bounce_classifier.md
