# Shared by the scripts of this folder: options, content, and the line that is printed for each delivered file.
# Does not: know anything about the ingestor. These scripts are upstream jobs and behave like them.

set -euo pipefail

fail() { echo "$(basename "$0"): $*" >&2; exit 2; }

# The help of a script is the comment that it opens with.
help() { sed -n '2,/^[^#]/{/^#/{s/^# \{0,1\}//;p}}' "$0"; exit 0; }

# options NAME=DEFAULT… -- "$@": sets $input from the one operand and a variable per option (--pause-seconds: $pause_seconds).
options() {
  local -a known=()
  while [ "$1" != -- ]; do known+=("${1%%=*}"); declare -g "${1%%=*}=${1#*=}"; shift; done
  shift
  input=
  rest=()
  while [ $# -gt 0 ]; do
    case $1 in
      --help) help ;;
      --) shift; rest=("$@"); break ;;
      --*)
        local name=${1#--}; name=${name//-/_}
        [[ " ${known[*]} " == *" $name "* ]] || fail "unknown option $1; --help lists those that exist"
        [ $# -ge 2 ] || fail "$1 needs a value"
        declare -g "$name=$2"; shift 2 ;;
      *) [ -z "$input" ] || fail "one directory is expected, \"$1\" is a second one"; input=$1; shift ;;
    esac
  done
  [ -n "$input" ] || fail "name the input directory of a feed; --help says more"
  [ -d "$input" ] || fail "$input is not a directory"
}

one_of() { # one_of OPTION VALUE CHOICE…
  local option=$1 value=$2 choice; shift 2
  for choice in "$@"; do [ "$choice" != "$value" ] || return 0; done
  fail "--$option takes one of: $*; got \"$value\""
}

number() { [[ $2 =~ ^[0-9]+(\.[0-9]+)?$ ]] || fail "--$1 takes a number; got \"$2\""; }

# Random lines, so that every file is a content of its own.
content() { # content BYTES
  (set +o pipefail; base64 -w 79 /dev/urandom | head -c "$1")
}

# A file beside nothing that is watched; removed at the end.
scratch() { # scratch: sets $scratch to a private directory
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
}

# The bytes to send: the file of --from, or new random lines of --bytes. Sets $source.
prepare_source() {
  scratch
  if [ -n "${from:-}" ]; then
    [ -f "$from" ] || fail "--from $from is not a file"
    source=$from
  else
    number bytes "$bytes"
    source=$scratch/source
    content "$bytes" > "$source"
  fi
}

# One line per delivered file, to be compared with what is stored: SHA256 BYTES NAME
tell() { # tell FILE NAME
  printf '%s %s %s\n' "$(sha256sum < "$1" | cut -d' ' -f1)" "$(stat -c %s -- "$1")" "$2"
}
