package boot

import "keelson/init/loop"

func reexecute(l *loop.Loop) (int, error) { return 0, nil }
