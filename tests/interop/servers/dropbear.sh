# shellcheck shell=bash disable=SC2034,SC2154
title=Dropbear
programs="dropbear dropbearkey"
accounts=yes

version() {
  dropbear -V 2>&1 | sed -E 's/^Dropbear v//'
}

serve() {
  local type keys=()
  for type in ed25519 ecdsa rsa; do
    dropbearkey -t "$type" -f "$dir/$type" >/dev/null 2>&1
    keys+=(-r "$dir/$type")
  done
  exec dropbear -F -E -m -P "$dir/pid" -p "127.0.0.1:$2" "${keys[@]}"
}
