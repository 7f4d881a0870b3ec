EXTRA_DIST += pytest.ini tests/system/lab.py tests/system/conftest.py tests/tools/build.sh tests/tools/lsan.supp \
  tests/tools/tsan.supp tests/system/dnsserver.py tests/system/test_relay.py tests/system/test_reception.py tests/system/test_crash.py \
  tests/system/test_disk.py tests/system/test_operator.py tests/system/test_console.py
  tests/tools/tsan.supp tests/system/dnsserver.py tests/system/test_dns.py tests/system/test_relay.py tests/system/test_reception.py tests/system/test_crash.py \
  tests/system/test_disk.py tests/system/test_operator.py

# preloaded by test_disk.py; built with the rest so that a whole-server test never compiles
if !SANITIZE
noinst_LTLIBRARIES += tests/system/faulty.la
tests_system_faulty_la_SOURCES = tests/system/faulty.c
tests_system_faulty_la_CFLAGS = $(STD_CFLAGS) -Wall
tests_system_faulty_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
tests_system_faulty_la_LIBADD = -ldl
endif
