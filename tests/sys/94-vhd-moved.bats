# A dynamic VHD whose blocks were written in another order lies differently in its file, at any multiple
# of 512 bytes: where the old bytes cannot be kept, it is found again by what is known of its sectors.
load lib

setup() { world; }
teardown() { world_end; }

# vhd RAW FILE ORDER...: blocks of 2 MiB, written in this order.
vhd() {
	local raw=$1 to=$2 i
	shift 2
	qemu-img create -q -f vpc -o subformat=dynamic,force_size=on "$to" 16M
	for i; do
		dd if="$raw" of="$T/piece" bs=2M skip="$i" count=1 status=none
		qemu-io -f vpc -c "write -q -s $T/piece $((i << 21)) 2M" "$to"
	done
}

@test "blocks of a dynamic VHD that moved are not sent again where old bytes are gone" {
	spoke berlin
	hub
	random "$T/raw" 16
	vhd "$T/raw" "$T/new" 0 1 2 3 4 5 6 7
	mv "$T/new" "$T/src/a.vhd"
	start berlin hub
	hubctl wait --timeout 60s
	edit "$T/raw" 20
	vhd "$T/raw" "$T/new" 6 3 7 0 5 1 4 2
	mv "$T/new" "$T/src/a.vhd"
	hubctl wait --timeout 60s
	same berlin a.vhd
	# 80 KiB are new; as they lie, seven of eight blocks would be.
	echo "wire: $(summary a.vhd berlin wire)"
	[ "$(summary a.vhd berlin wire)" -lt 300000 ]
	[ "$(summary a.vhd berlin repairs)" -eq 0 ]
}
