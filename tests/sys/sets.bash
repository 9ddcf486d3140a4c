# sets.bash: a store of images with a chain, as an image server has it, and what a reader may see of
# it. For 91-sets.bats and tests/bench/sets.sh.
#
#   chain STEM GENERATION   in $T/src: STEM.vhdx, two differencing disks on it, .pvp, .xml: all of
#                           them say the generation, so that it can be told whether they fit
#   fits DIRECTORY          says what is half a set there; nothing where all fits

# The small files name what they go with, by its content; the images end in what they rest on.
sum_of() { sha256sum "$1" | cut -c1-16; }

chain() { # STEM GENERATION
	local stem=$1 dir=$T/make.$1 i parent
	rm -rf "$dir" && mkdir "$dir"
	qemu-img create -q -f vhdx -o subformat=dynamic "$dir/$stem.vhdx" 4M
	qemu-io -f vhdx -c "write -q -P $(($2 % 200 + 1)) 0 64k" "$dir/$stem.vhdx" >/dev/null
	parent=$stem.vhdx
	for i in 1 2; do
		(cd "$dir" && qemu-img create -q -f qcow2 -b "$parent" -F "${parent##*.}" "$stem.$i.qcow2")
		# What it rests on, behind its end, where no image format looks.
		printf '\nrests %s %s\n' "$parent" "$(sum_of "$dir/$parent")" >>"$dir/$stem.$i.qcow2"
		parent=$stem.$i.qcow2
	done
	for i in "$stem" "$stem.1" "$stem.2"; do echo "properties $i $2" >"$dir/$i.pvp"; done
	for i in "$stem.vhdx" "$stem.1.qcow2" "$stem.2.qcow2"; do
		echo "<diskFileName>$i</diskFileName>"
	done >"$dir/$stem.xml"
	echo "<generation>$2</generation>" >>"$dir/$stem.xml"
	mv "$dir"/* "$T/src/" && rmdir "$dir"
}

# Half a set: a manifest without its images or properties; properties without their image; a child
# without the very parent that it was made on. The reader looks at names before and after: what
# changed meanwhile was no state that anybody saw.
fits() { # DIRECTORY
	local dir=$1 before after said f parent sum
	before=$(ls -Li --full-time "$dir" 2>/dev/null)
	said=$(
		cd "$dir" || exit
		for f in *.xml; do
			[ -e "$f" ] || continue
			for i in $(sed -n 's/<diskFileName>\(.*\)<.*/\1/p' "$f"); do
				[ -e "$i" ] || echo "$f without $i"
			done
		done
		for f in *.pvp; do
			[ -e "$f" ] || continue
			[ -e "${f%.pvp}.vhdx" ] || [ -e "${f%.pvp}.qcow2" ] || echo "$f without its image"
		done
		for f in *.qcow2; do
			[ -e "$f" ] || continue
			read -r _ parent sum < <(tail -n 1 "$f")
			[ -e "$parent" ] || { echo "$f without $parent"; continue; }
			[ "$(sum_of "$parent")" = "$sum" ] || echo "$f: $parent is not what it rests on"
		done
	)
	after=$(ls -Li --full-time "$dir" 2>/dev/null)
	[ "$before" != "$after" ] || [ -z "$said" ] || echo "$said"
}
