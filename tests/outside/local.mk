EXTRA_DIST += tests/outside/conftest.py
EXTRA_DIST += tests/outside/test_tutorial.py
EXTRA_DIST += tests/outside/test_refusals.py
EXTRA_DIST += tests/outside/wrong.c
EXTRA_DIST += tests/outside/test_hooks.py
EXTRA_DIST += tests/outside/follow.c
EXTRA_DIST += tests/outside/test_reloads.py
EXTRA_DIST += tests/outside/tally.c
