package track

import "sync"

// shared is a map that its owner alone changes and walks, and anyone may look into. It takes a fraction of a sync.Map's memory.
type shared[K comparable, V any] struct {
	mu sync.RWMutex
	m  map[K]V
}

func (s *shared[K, V]) Load(key K) (V, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, ok := s.m[key]
	return v, ok
}

func (s *shared[K, V]) Store(key K, v V) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = map[K]V{}
	}
	s.m[key] = v
}

func (s *shared[K, V]) Delete(key K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, key)
}

// Range is the owner's: nobody else changes the map meanwhile, and f may.
func (s *shared[K, V]) Range(f func(key K, v V) bool) {
	for k, v := range s.m {
		if !f(k, v) {
			return
		}
	}
}
