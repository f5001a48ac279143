# `make` alone lists what there is. Every target sets up what it needs.

PYTHON ?= python3
VENV ?= .venv
REQUIREMENTS ?= requirements.txt
# FLAGS goes to the command that a target runs: make execute FLAGS=--require-gpu
FLAGS ?=

BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check
BOOK = PYTHONPATH=code $(BIN)/python -m book
GRADER = PYTHONPATH=code:homework $(BIN)/python -m grader
needs = $(if $($(1))$(findstring --help,$(FLAGS)),,$(error say $(1)=$(2)))
NEEDS_ASSIGNMENT = $(call needs,ASSIGNMENT,04-lstm)
TOOLS = $(VENV)/.made-from-$(notdir $(REQUIREMENTS))
HOMEWORK_TOOLS = $(VENV)/.made-from-requirements-homework.txt
TEST_TOOLS = $(VENV)/.made-from-requirements-test.txt

.DEFAULT_GOAL = help
.PHONY: help book execute render serve test check quote backends mutants lock address clean chromium \
  students release collect grade marks feedback export gradescope publish

help: ## list the targets
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z]*\):[^#]*## /  \1 - /p' Makefile | awk -F ' - ' '{ printf "%-12s %s\n", $$1, $$2 }'
	@echo "Variables: PYTHON=$(PYTHON) VENV=$(VENV) REQUIREMENTS=$(REQUIREMENTS) FLAGS=$(FLAGS)"
	@echo "Homework: ASSIGNMENT=04-lstm FROM=downloads.zip; FLAGS=--help lists what a command takes"

book: $(TOOLS) ## execute the chapters that changed, check their numbers, build _build/html
	@$(BOOK) build $(FLAGS)

execute: $(TOOLS) ## the first half of `make book`: execute, and check the numbers
	@$(BOOK) execute $(FLAGS)

render: $(TOOLS) ## the second half: render what was executed
	@$(BOOK) render $(FLAGS)

serve: $(TOOLS) ## show the site on localhost (FLAGS="--port 8080")
	@$(BOOK) serve $(FLAGS)

test: $(TEST_TOOLS) chromium check ## build the book, then run every test, the site's in a browser
	@$(BOOK) build
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest \
	  -n 2 --dist loadgroup --no-loadscope-reorder $(FLAGS)

check: $(TEST_TOOLS) ## lint, quotations, links, spelling, workflows; seconds
	@$(BOOK) check

quote: $(TOOLS) ## fill the quoted cells from the code
	@$(BOOK) quote

backends: $(TEST_TOOLS) ## every chapter with Keras on PyTorch and on JAX
	@$(BOOK) backends $(FLAGS)

mutants: $(TEST_TOOLS) ## change the NumPy code in a thousand ways: do its tests notice?
	@PYTHONPATH=code $(BIN)/python -m book.mutants

address: $(HOMEWORK_TOOLS) ## set the repository's address everywhere (URL=https://github.com/owner/name)
	@PYTHONPATH=code $(BIN)/python -m book.address $(URL)
	@$(GRADER) publish

students: $(HOMEWORK_TOOLS) ## homework: enroll the students of a CSV file (FROM=students.csv)
	$(call needs,FROM,students.csv)@$(GRADER) students $(FROM) $(FLAGS)

release: $(HOMEWORK_TOOLS) ## homework: make what students get (FLAGS=--variant-by-student)
	$(NEEDS_ASSIGNMENT)@$(GRADER) release $(ASSIGNMENT) $(FLAGS)

collect: $(HOMEWORK_TOOLS) ## homework: take what was handed in (FROM=downloads.zip)
	$(NEEDS_ASSIGNMENT)$(call needs,FROM,downloads.zip)@$(GRADER) collect $(ASSIGNMENT) $(FROM) $(FLAGS)

grade: $(HOMEWORK_TOOLS) ## homework: run the checks in sandboxes (FLAGS="--jobs 4")
	$(NEEDS_ASSIGNMENT)@$(GRADER) grade $(ASSIGNMENT) $(FLAGS)

marks: $(HOMEWORK_TOOLS) ## homework: mark the answers in words, in a browser
	@$(GRADER) marks $(FLAGS)

feedback: $(HOMEWORK_TOOLS) ## homework: write a page for each student
	$(NEEDS_ASSIGNMENT)@$(GRADER) feedback $(ASSIGNMENT) $(FLAGS)

export: $(HOMEWORK_TOOLS) ## homework: write all grades as CSV
	@$(GRADER) export $(FLAGS)

gradescope: $(HOMEWORK_TOOLS) ## homework: make the zip that Gradescope runs
	$(NEEDS_ASSIGNMENT)@$(GRADER) gradescope $(ASSIGNMENT) $(FLAGS)

publish: $(HOMEWORK_TOOLS) ## homework: write what everyone may open, from the sources
	@$(GRADER) publish $(FLAGS)

clean: ## remove what was built; the environment stays
	rm -rf _build .cache

chromium:
	@for browser in "$$CHROMIUM" chromium chromium-browser google-chrome \
	    "/Applications/Chromium.app/Contents/MacOS/Chromium" \
	    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do \
	  if [ -n "$$browser" ] && command -v "$$browser" > /dev/null; then exit 0; fi; \
	done; \
	echo "The tests of the site need Chromium, and none was found. To get one:"; \
	echo "  Debian, Ubuntu: sudo apt-get install chromium"; \
	echo "  macOS:          brew install --cask chromium"; \
	echo "or set CHROMIUM to a Chromium or Chrome that you have."; \
	exit 1

# PyTorch comes first and alone: where its CPU build is found, nothing after it may bring CUDA.
# The last line has matplotlib list the fonts now, or its message about that lands on a page.
$(TOOLS): $(REQUIREMENTS) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "The book needs Python 3.11, 3.12 or 3.13, but $(PYTHON) is"; $(PYTHON) --version; \
	    echo "Name another one: make book PYTHON=python3.12"; exit 1; }
	@echo "Setting up $(VENV) from $(REQUIREMENTS); the first time this takes minutes"
	@$(PYTHON) -m venv $(VENV)
	@grep '^torch==' $(REQUIREMENTS) > $(VENV)/torch.txt
	@$(PIP) install -qq --no-deps -r $(VENV)/torch.txt
	@$(PIP) install -qq -r $(REQUIREMENTS)
	@$(PIP) install -qq --no-deps --no-build-isolation -e .
	@$(BIN)/python -c 'import matplotlib.font_manager' 2> /dev/null
	@touch $@

$(HOMEWORK_TOOLS): $(TOOLS) requirements-homework.txt
	@$(PIP) install -qq -r requirements-homework.txt
	@touch $@

$(TEST_TOOLS): $(HOMEWORK_TOOLS) requirements-test.txt
	@$(PIP) install -qq -r requirements-test.txt
	@touch $@

# The locks serve every platform. The CUDA packages are dropped from them: PyTorch's GPU build
# brings exactly its own, its CPU build needs none.
LOCK = .cache/lock/bin/uv pip compile --quiet --universal --fork-strategy fewest \
  --python-version 3.11 --no-annotate --no-header
NO_CUDA = grep -vE '^(nvidia-|cuda-|triton)'

lock: ## each requirements file from its .in file
	@$(PYTHON) -m venv .cache/lock
	@.cache/lock/bin/python -m pip --disable-pip-version-check install -qq uv
	@$(LOCK) requirements.in > .cache/lock/all.txt
	@$(NO_CUDA) .cache/lock/all.txt > requirements.txt
	@$(LOCK) requirements-homework.in > .cache/lock/all.txt
	@$(NO_CUDA) .cache/lock/all.txt > requirements-homework.txt
	@$(LOCK) requirements-test.in > .cache/lock/all.txt
	@$(NO_CUDA) .cache/lock/all.txt > requirements-test.txt
	@git diff --stat -- 'requirements*.txt'
