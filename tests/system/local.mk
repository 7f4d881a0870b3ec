EXTRA_DIST += pytest.ini
EXTRA_DIST += tests/conftest.py tests/system/conftest.py
EXTRA_DIST += tests/system/dnsserver.py
EXTRA_DIST += tests/system/test_bindings.py
EXTRA_DIST += tests/system/lab.py
EXTRA_DIST += tests/system/sinktrace.py
EXTRA_DIST += tests/system/test_change.py
EXTRA_DIST += tests/system/test_console.py
EXTRA_DIST += tests/system/test_crash.py
EXTRA_DIST += tests/system/test_disk.py
EXTRA_DIST += tests/system/test_dns.py
EXTRA_DIST += tests/system/test_ctl.py
EXTRA_DIST += tests/system/test_config_tools.py
EXTRA_DIST += tests/system/test_ask.py
EXTRA_DIST += tests/system/test_jlog.py
EXTRA_DIST += tests/system/test_audit.py
EXTRA_DIST += tests/system/test_limits.py
EXTRA_DIST += tests/system/test_logs.py
EXTRA_DIST += tests/system/test_operator.py
EXTRA_DIST += tests/system/test_reception.py
EXTRA_DIST += tests/system/test_relay.py
EXTRA_DIST += tests/system/test_reload_load.py
EXTRA_DIST += tests/system/test_tools.py
EXTRA_DIST += tests/system/test_writeback.py
EXTRA_DIST += tests/tools/build.sh
EXTRA_DIST += tests/tools/quickstart_cluster.sh
EXTRA_DIST += tests/tools/lsan.supp
EXTRA_DIST += tests/tools/rooms.py
EXTRA_DIST += tests/tools/tsan.supp

# preloaded by test_disk.py; built with the rest so that a whole-server test never compiles
if !SANITIZE
noinst_LTLIBRARIES += tests/system/faulty.la
tests_system_faulty_la_SOURCES = tests/system/faulty.c
tests_system_faulty_la_CFLAGS = $(STD_CFLAGS) -Wall
tests_system_faulty_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
tests_system_faulty_la_LIBADD = -ldl
endif

# a module for test_ask.py
noinst_LTLIBRARIES += tests/system/crasher.la
tests_system_crasher_la_SOURCES = tests/system/crasher.c
tests_system_crasher_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere

# a module for test_change.py
noinst_LTLIBRARIES += tests/system/unready.la
tests_system_unready_la_SOURCES = tests/system/unready.c
tests_system_unready_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
