# Sourced: sets `python` to an interpreter that has Python Inseq, the reference for golden values and benchmarks.
#
# INSEQ_REFERENCE_PYTHON: an interpreter that has the packages below. Without it a virtual environment is made once in
# the user's cache (about 4 GB).
python=${INSEQ_REFERENCE_PYTHON:-}
if [[ -z $python ]]; then
  venv=${XDG_CACHE_HOME:-$HOME/.cache}/inseq/reference-venv
  python=$venv/bin/python
  if [[ ! -e $venv/complete ]]; then
    echo "Making a virtual environment with Python Inseq in $venv" >&2
    python3 -m venv "$venv"
    "$python" -m pip install --quiet torch==2.13.0 transformers==5.23.0 inseq==0.7.1 gguf==0.19.0 accelerate==1.15.0 \
      scikit-learn==1.9.1 joblib==1.6.0
    touch "$venv/complete"
  fi
fi
"$python" -c 'import accelerate, gguf, inseq, torch, transformers' || {
  echo "$python lacks one of: accelerate, gguf, inseq, torch, transformers; install them or unset INSEQ_REFERENCE_PYTHON" >&2
  exit 1
}
