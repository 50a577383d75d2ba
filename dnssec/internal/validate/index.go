package validate

// fewValues are looked through one by one. More are in a map, so that the thousands that a message
// can hold take no time that grows with their square.
const fewValues = 8

// An index has a value for each key, in the order in which they were added. Values know their
// keys.
type index[K comparable, V interface{ key() K }] struct {
	values []V
	places map[K]int // where there are many
}

// find returns the value of a key, and nil if it is not there. It may be changed until another one
// is added.
func (x *index[K, V]) find(key K) *V {
	if x.places != nil {
		if place, ok := x.places[key]; ok {
			return &x.values[place]
		}
		return nil
	}
	for i := range x.values {
		if x.values[i].key() == key {
			return &x.values[i]
		}
	}
	return nil
}

// add adds a value, which is not there yet.
func (x *index[K, V]) add(value V) *V {
	if x.values == nil {
		x.values = make([]V, 0, fewValues/2)
	}
	x.values = append(x.values, value)
	last := len(x.values) - 1
	switch {
	case x.places != nil:
		x.places[value.key()] = last
	case last == fewValues:
		x.places = make(map[K]int, 2*fewValues)
		for i, value := range x.values {
			x.places[value.key()] = i
		}
	}
	return &x.values[last]
}
