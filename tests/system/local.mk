EXTRA_DIST += pytest.ini tests/system/lab.py tests/system/conftest.py tests/tools/build.sh tests/tools/lsan.supp tests/tools/tsan.supp
