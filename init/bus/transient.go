package bus

func startTransient(c *call)                                         {}
func setUnitProperties(c *call, name string, runtime bool, list any) {}
