# shellcheck shell=bash disable=SC2154
# Sourced by run: what became of the cells, as Markdown, and whether it is what
# expected.tsv says.

expected=$root/tests/interop/expected.tsv

# The libssh2 of the program, from the version string that it sends.
client_library() {
  local words python=/usr/bin/python3
  [ "$client" = sshinv ] || {
    ssh -V 2>&1 | cut -d , -f 1
    return
  }
  [ -x "$python" ] || give_way "no $python"
  "$python" - >"$scratch/listener" <<'PYTHON' &
import socket
listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(30)
print(listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
connection.settimeout(10)
connection.sendall(b"SSH-2.0-listener\r\n")
print(connection.makefile("rb").readline().decode().strip(), flush=True)
PYTHON
  local listener=$!
  wait_for 20 "the listener's start" [ -s "$scratch/listener" ]
  echo "127.0.0.1 nobody - port=$(head -n 1 "$scratch/listener")" \
    >"$scratch/hosts.txt"
  sshinv_words
  run timeout 60 "${words[@]}" --no-db -q "$scratch/hosts.txt"
  wait "$listener" || true
  sed -n '2s/.*libssh2_\([0-9]*\.[0-9]*\).*/libssh2 \1/p' "$scratch/listener"
}

# expectation SERVER WAY: status, words that the sentence has, and why, parted
# by tabs. The first line that fits; @ stands for any other root.
expectation() {
  awk -F '\t' -v server="$1" -v way="$2" -v library="$library" '
    BEGIN { at = server; sub(/@.*/, "@", at); name = at; sub(/@/, "", name) }
    /^#/ || NF < 4 { next }
    ($1 == "*" || $1 == at || $1 == name) && ($2 == "*" || $2 == way) &&
    ($3 == "*" || "libssh2 " $3 == library) { print $4 "\t" $5 "\t" $6; exit }
  ' "$expected"
}

# Numbers of the notes: the same sentence and reason have the same one.
notes=()
note_number() {
  local i
  for i in "${!notes[@]}"; do
    [ "${notes[i]}" != "$1" ] || { number=$((i + 1)); return; }
  done
  notes+=("$1")
  number=${#notes[@]}
}

# Sets cell to what the table shows of one result.
cell_text() {
  local server=$1 way=$2 why number error
  cell=$3 error=$4
  [ "$cell" != ok ] || return 0
  # Not read with IFS: tabs next to each other would be one.
  why=
  [ "$client" = ssh ] || why=$(expectation "$server" "$way" | cut -f 3)
  note_number "\`$error\`${why:+: $why}"
  cell="$cell [$number]"
}

# "Debian 12" of a root. Before its release a Debian has no number.
system_title() {
  (
    # shellcheck source=/dev/null
    . "${1%/}/etc/os-release"
    echo "${NAME%% *} ${VERSION_ID:-${PRETTY_NAME##*/}}"
  )
}

# "OpenSSH 9.2p1 (Debian 12)" of a server.
row_title() {
  printf '%s (%s)' \
    "$(awk -F '\t' -v s="$1" '$1 == s { print $2 " " $3 }' "$versions")" \
    "$(system_title "$(server_root "$1")")"
}

# matrix_rows SERVER...: a line per server.
matrix_rows() {
  local server way line cell
  for server; do
    printf '| %s |' "$(row_title "$server")"
    for way in $ways; do
      line=$(awk -F '\t' -v s="$server" -v w="$way" '$1 == s && $2 == w' "$results")
      cell_text "$server" "$way" "$(cut -f 3 <<<"$line")" "$(cut -f 4 <<<"$line")"
      printf ' %s |' "$cell"
    done
    echo
  done
}

# odd_rows: a line per odd host.
odd_rows() {
  local line server way cell
  while IFS= read -r line; do
    server=$(cut -f 1 <<<"$line") way=$(cut -f 2 <<<"$line")
    case " $ways - " in *" $way "*) continue ;; esac
    cell_text "$server" "$way" "$(cut -f 3 <<<"$line")" "$(cut -f 4 <<<"$line")"
    echo "| $way | $(row_title "$server") | $cell |"
  done <"$results"
}

# The notes are made while the rows are: not in a subshell.
matrix_print() {
  local shown i way
  mapfile -t shown < <(cut -f 1 "$versions")
  matrix_rows "${shown[@]}" >"$scratch/rows"
  odd_rows >"$scratch/odd"
  echo "$client with $library, $(date -u +%F)."
  printf '\n|'
  for way in server $ways; do printf ' %s |' "$way"; done
  printf '\n|'
  for way in server $ways; do printf -- '---|'; done
  echo
  cat "$scratch/rows"
  if [ -s "$scratch/odd" ]; then
    printf '\n| odd host | server | |\n|---|---|---|\n'
    cat "$scratch/odd"
  fi
  echo
  for i in "${!notes[@]}"; do
    echo "$((i + 1)). ${notes[i]}"
  done
  awk -F '\t' '$2 == "-" { print "- " $1 " was not run: " $3 }' "$results"
}

# Puts the matrix between its library's marks.
matrix_update() {
  local begin="<!-- $library -->" end="<!-- end -->"
  grep -qF "$begin" "$1" || give_up "$1 has no line $begin"
  awk -v begin="$begin" -v end="$end" -v matrix="$scratch/matrix.md" '
    $0 == begin { print; print ""; while ((getline line < matrix) > 0) print line
                  print ""; inside = 1; next }
    $0 == end { inside = 0 }
    !inside { print }
  ' "$1" >"$scratch/document"
  cat "$scratch/document" >"$1"
}

# Every cell against expected.tsv; a cell without a line there has to be ok.
matrix_check() {
  local line server way state error found want words bad=0
  while IFS= read -r line; do
    server=$(cut -f 1 <<<"$line") way=$(cut -f 2 <<<"$line")
    state=$(cut -f 3 <<<"$line") error=$(cut -f 4 <<<"$line")
    [ "$way" != - ] || continue
    found=$(expectation "$server" "$way")
    want=$(cut -f 1 <<<"$found") words=$(cut -f 2 <<<"$found")
    want=${want:-ok}
    if [ "$state" != "$want" ] || [[ $error != *"$words"* ]]; then
      echo "NOT AS EXPECTED: $server, $way: $state: $error" \
        "(expected: $want${words:+: …$words…})" >&2
      bad=1
    fi
  done <"$results"
  [ "$bad" = 0 ] || exit 1
  echo "as expected: $(awk -F '\t' '$2 != "-"' "$results" | wc -l) cells" >&2
}
