# shellcheck shell=bash
# Sourced before lib.sh by a test that mounts small or read-only file systems:
# starts the test again where its mounts are seen by nobody else and end with
# it. Only tmpfs is ever mounted.
if [ -z "${SSHINV_PRIVATE_MOUNTS:-}" ]; then
  apart=(unshare --mount)
  [ "$(id -u)" = 0 ] || apart=(unshare --map-root-user --mount)
  if ! "${apart[@]}" true 2>/dev/null; then
    echo "SKIPPED: private mounts are not possible here"
    [ "${SSHINV_NO_SKIP:-0}" = 0 ] || exit 1
    exit 77
  fi
  SSHINV_PRIVATE_MOUNTS=1 exec "${apart[@]}" bash "$0"
fi

# small_disk FOLDER SIZE: a file system of this size there.
small_disk() {
  mkdir -p "$1"
  mount -t tmpfs -o "size=$2,mode=700" tmpfs "$1" ||
    give_way "a file system cannot be mounted here"
  undo_at_exit "! mountpoint -q '$1' || umount '$1'"
}
