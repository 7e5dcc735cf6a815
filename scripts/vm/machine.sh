# The virtual machine of scripts/vm-lab, whatever runs in it: Debian's own kernel, an initramfs made of this
# machine's programs, QEMU, and a shell in the guest. Sourced; wants $here, $build, $dir, $memory and $cpus.
# shellcheck shell=bash disable=SC2154

fail() {
    echo "scripts/vm-lab: $*" >&2
    exit 3
}

# Debian's kernel, fetched as a package and unpacked, not installed: sets $kernel and $tree.
fetch_kernel() {
    local package cache=$build/vm
    package=$(apt-cache depends linux-image-cloud-amd64 2> /dev/null |
        awk '/Depends: linux-image-/ {print $2; exit}')
    [ -n "$package" ] || fail "apt knows no linux-image-cloud-amd64; run apt-get update on a Debian machine"
    kernel=${package#linux-image-}
    tree=$cache/$package
    [ -e "$tree/complete" ] && return
    echo "scripts/vm-lab: fetching $package" >&2
    rm -rf "$tree"
    mkdir -p "$tree"
    (cd "$tree" && apt-get -qq download "$package" 2> /dev/null && dpkg -x ./*.deb .) ||
        fail "$package cannot be fetched; is the network there?"
    rm -f "$tree"/*.deb
    busybox depmod -b "$tree" "$kernel"
    touch "$tree/complete"
}

# The files of MODULES and of all that they depend on, dependencies first.
module_files() {
    local name line
    for name in "$@"; do
        line=$(grep -E "/${name//_/[_-]}\.ko:" "$tree/lib/modules/$kernel/modules.dep") ||
            fail "$kernel has no module $name"
        echo "${line#*:}" | tr ' ' '\n' | tac | sed '/^$/d'
        echo "${line%%:*}"
    done
}

# The libraries that FILE needs, into the guest's root.
add_libraries() {
    ldd "$1" | awk '/=> \// {print $3} $1 ~ /^\// {print $1}' | xargs -I{} cp --parents --update {} "$root"
}

add_program() {
    local file
    file=$(command -v "$1") || fail "$1 is missing: scripts/setup --vm installs it"
    cp "$file" "$root/usr/sbin/"
    add_libraries "$file"
}

# Begin the guest's files in $root: PROGRAMS and MODULES (names of arrays), a key for the shell, and what init
# is to start.
begin_initramfs() {
    local -n of_programs=$1 of_modules=$2
    local start=$3 program file
    root=$dir/root
    rm -rf "$root"
    mkdir -p "$root"/{bin,dev,proc,sys,run,tmp,root/.ssh,etc/dropbear,modules,usr/sbin,usr/bin,sbin}
    cp "$(command -v busybox)" "$root/bin/busybox"
    ln -s /usr/sbin/dash "$root/bin/sh" # Busybox's own would take its own ip for the real one.
    for program in dash nft ip dropbear "${of_programs[@]}"; do
        add_program "$program"
    done
    module_files virtio_pci virtio_net virtio_rng "${of_modules[@]}" | awk '!seen[$0]++' | while read -r file; do
        cp "$tree/lib/modules/$kernel/$file" "$root/modules/"
        basename "$file"
    done > "$root/modules/order"
    rm -f "$dir/key" "$dir"/.ssh/known_hosts
    dropbearkey -t ed25519 -f "$dir/key" 2> /dev/null | grep '^ssh-' > "$root/root/.ssh/authorized_keys"
    chmod -R go= "$root/root"
    echo "root:x:0:0:root:/root:/bin/sh" > "$root/etc/passwd"
    echo "/bin/sh" > "$root/etc/shells"
    cp "$here/scripts/vm/init" "$root/init"
    cp "$here/scripts/vm/$start" "$root/start"
}

end_initramfs() {
    (cd "$root" && find . | busybox cpio -o -H newc 2> /dev/null) > "$dir/initramfs"
    rm -rf "$root"
}

# A command in the guest; further options of dbclient in $ssh_options. While the guest boots, QEMU takes
# connections that nobody will answer: $limit is for those.
in_guest() {
    HOME=$dir timeout "${limit:-0}" dbclient -y -y -i "$dir/key" -p "$(cat "$dir/ssh-port")" \
        ${ssh_options:+$ssh_options} root@127.0.0.1 "$@" \
        2> >(grep -v -e 'skipping hostkey check' -e 'Waiting for other channels' -e '^$' >&2)
}

is_up() {
    [ -e "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2> /dev/null
}

free_ports() {
    python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in held))'
}

# QEMU, with a NIC for the shell and what else is FORWARDED ("", or the guest's port), and what OPTIONS say. The
# guest's first NIC is what the caller's options make of netdev n0; COMMAND_LINE is more of the kernel's.
# On a busy machine the emulated timer is late, which the kernel would take for one that is not connected.
start_machine() {
    local forwarded=$1 command_line=$2 ports net
    shift 2
    rm -f "$dir/pid"
    ports=$(free_ports)
    echo "${ports% *}" > "$dir/ssh-port"
    net="restrict=on,hostfwd=tcp:127.0.0.1:${ports% *}-:22"
    if [ -n "$forwarded" ]; then
        echo "${ports#* }" > "$dir/api-port"
        net+=",hostfwd=tcp:127.0.0.1:${ports#* }-:$forwarded"
    fi
    qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
        -pidfile "$dir/pid" -serial "file:$dir/console.log" \
        -accel tcg,tb-size=256 -cpu max -smp "$cpus" -m "$memory" -M q35,memory-backend=m0 \
        -object "memory-backend-memfd,id=m0,size=${memory}M,share=on" \
        -kernel "$tree/boot/vmlinuz-$kernel" -initrd "$dir/initramfs" \
        -append "console=ttyS0 quiet mitigations=off panic=-1 no_timer_check $command_line" -rtc base=utc \
        -device virtio-rng-pci "$@" \
        -netdev "user,id=n1,$net" -device virtio-net-pci,netdev=n1,addr=0x5,mac=02:5e:00:00:01:02,romfile= \
        < /dev/null > "$dir/qemu.log" 2>&1 &
    until is_up; do
        kill -0 "$!" 2> /dev/null || fail "QEMU ended: $(cat "$dir/qemu.log")"
        sleep 0.1
    done
}

# Until what init started has said so.
wait_for_guest() {
    local deadline=$((SECONDS + 600))
    until limit=5 in_guest test -e /run/ready 2> /dev/null; do
        is_up || fail "the virtual machine ended: $(cat "$dir/qemu.log")"
        [ "$SECONDS" -lt "$deadline" ] || fail "nothing is up within 600 s: $(tail -5 "$dir/console.log")"
        sleep 0.5
    done
    [ "$(in_guest cat /run/ready)" = up ] || fail "$(in_guest cat /run/ready)"
}

end_machine() {
    local pid
    if is_up; then
        pid=$(cat "$dir/pid")
        kill "$pid"
        while kill -0 "$pid" 2> /dev/null; do sleep 0.1; done
    fi
    rm -f "$dir"/{pid,initramfs,ssh-port,api-port,key,kubeconfig,machine.json,guest,room}
}
