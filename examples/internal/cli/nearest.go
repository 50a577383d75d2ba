package cli

// DidYouMean returns "; did you mean X?", X being the word that is nearest to what was
// typed, or nothing if none is near.
func DidYouMean(typed string, words []string) string {
	best, least := "", max(1, min(3, len(typed)/2))+1
	for _, word := range words {
		if d := distance(typed, word); d < least {
			best, least = word, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// orNearest is DidYouMean before more of the sentence.
func orNearest(typed string, words []string) string {
	if meant := DidYouMean(typed, words); meant != "" {
		return meant
	}
	return ";"
}

// maxTyped bounds what distances are taken of: no word of ours is near to more.
const maxTyped = 40

// distance counts the letters to add, to drop, to change or to swap with the next one that it
// takes from one word to the other.
func distance(a, b string) int {
	if len(a) > maxTyped || len(b) > maxTyped {
		return maxTyped
	}
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
