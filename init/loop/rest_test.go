package loop

import (
	"reflect"
	"testing"
)

func TestUnwritten(t *testing.T) {
	maps := `00400000-00931000 r-xp 00000000 fe:00 10029895                           /keelson
00931000-00e36000 r--p 00531000 fe:00 10029895                           /keelson
00e36000-00e70000 rw-p 00a36000 fe:00 10029895                           /keelson
00e70000-02ead000 rw-p 00000000 00:00 0 
7f44d7600000-7f44d7800000 rw-s 00000000 00:56 1361238                    /run/log/journal/a b/system.journal
7f44d7800000-7f44d7900000 r--s 00000000 00:56 1361239                    /run/log/journal/old
7fff3335d000-7fff33361000 r--p 00000000 00:00 0                          [vvar]
7fff33361000-7fff33363000 r-xp 00000000 00:00 0                          [vdso]
torn`
	want := []mapping{{0x400000, 0x931000}, {0x931000, 0xe36000}}
	if got := unwritten(maps); !reflect.DeepEqual(got, want) {
		t.Errorf("unwritten: %x, want %x", got, want)
	}
	if got := unwritten(""); got != nil {
		t.Errorf("unwritten of no maps: %x", got)
	}
}
