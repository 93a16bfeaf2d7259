# shellcheck shell=bash disable=SC2034,SC2154
# Go's x/crypto/ssh as Debian packages it: built without network or modules.
title="Go x/crypto/ssh"
programs=go
files=/usr/share/gocode/src/golang.org/x/crypto/ssh/server.go
accounts=no

version() {
  dpkg-query -W -f '${Version}' golang-golang-x-crypto-dev |
    sed -E 's/^[0-9]+://; s/-.*//'
}

serve() {
  export GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS='' GOPROXY=off
  export GOTOOLCHAIN=local GOCACHE=${SSHINV_GO_CACHE:-$dir/cache} HOME=$dir
  go build -o "$dir/server" "$here/go/main.go"
  exec "$dir/server" "$1" "$2"
}
