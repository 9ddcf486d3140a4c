# What stays behind on a spoke because a word was lost goes by itself; what is wanted stays.
load lib

setup() { world; }
teardown() { world_end; }

further() { [ "$(job one.img berlin done)" -gt 4000000 ]; }

@test "a transfer and a leaf record that nobody wants for a day are dropped, others not" {
	local staging=$T/berlin/.spokesync/staging index=$T/berlin/.spokesync/index
	local nobodys gone young root
	nobodys=$(printf 'ab%.0s' {1..32}) gone=${nobodys//a/c} young=${nobodys//a/d}
	spoke berlin
	SPOKE[berlin]="rate = 32Mbit"
	hub
	random "$T/src/one.img" 24
	start berlin hub
	eventually 30 further
	stop berlin
	root=$(ls "$staging")
	# An offer that was forgotten: another transfer, of a content that no job brings.
	cp -r "$staging/$root" "$staging/$nobodys"
	touch -d '2 days ago' "$staging"/*/journal
	touch "$index/$young"
	touch -d '2 days ago' "$index/$gone"
	start berlin
	eventually 30 test ! -e "$staging/$nobodys"
	eventually 10 test ! -e "$index/$gone"
	[ -e "$index/$young" ]
	hubctl wait --timeout 60s
	same berlin one.img
	[ -e "$index/$root" ]
	# The one that is wanted went on from where it was.
	[ "$(summary one.img berlin wire)" -lt $((26 << 20)) ]
	[ "$(summary one.img berlin resent)" -lt 4000000 ]
}
