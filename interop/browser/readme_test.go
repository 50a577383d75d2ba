//go:build interop

package browser

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "make the picture of README.md again")

// maxPicture keeps README.md quick to load.
const maxPicture = 200 << 10

// The picture of README.md is of the page of the demonstration, and can be made again by
//
//	go test -tags interop -count=1 -run Picture ./interop/browser -update
//
// It is of a domain whose server has another key than its TLSA record says, down to the chain of
// trust.
func TestPicture(t *testing.T) {
	tab := start(t).open(t, view{width: 1000, height: 900})
	tab.load(filepath.Join(pages, "demo.html"))
	var found bool
	tab.eval(`(() => {
		const of = [...document.querySelectorAll("article")].find(a => a.querySelector("h2").textContent == "mismatch.example");
		for (const e of document.querySelectorAll("article, nav, footer")) if (e !== of) e.remove();
		let past = false;
		for (const e of [...of.children]) {
			if (past) e.remove();
			past ||= e.querySelector("figure svg .node") !== null;
		}
		for (const e of of.querySelectorAll(".legend, figure ~ details")) e.remove();
		scrollTo(0, 0);
		return of !== undefined;
	})()`, &found)
	picture := compressed(t, tab.screenshot(1000, 0))
	file := filepath.Join("..", "..", "docs", "images", "report.png")
	if *update {
		must(t, os.WriteFile(file, picture, 0o644))
	}
	kept, err := os.ReadFile(file)
	must(t, err)
	for name, data := range map[string][]byte{"the picture": picture, "the one that is kept": kept} {
		config, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil || config.Width != 1000 || config.Height < 800 || len(data) > maxPicture {
			t.Errorf("%s: %+v, %d octets of at most %d, %v", name, config, len(data), maxPicture, err)
		}
	}
}

// compressed returns a picture in the 256 colours that it has most of, which takes a third of
// the octets.
func compressed(t *testing.T, picture []byte) []byte {
	t.Helper()
	decoded, err := png.Decode(bytes.NewReader(picture))
	must(t, err)
	bounds := decoded.Bounds()
	count := make(map[color.Color]int)
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			count[decoded.At(x, y)]++
		}
	}
	palette := color.Palette(slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int {
		return cmp.Or(count[b]-count[a], cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	}))
	palette = palette[:min(len(palette), 256)]
	nearest := make(map[color.Color]uint8)
	small := image.NewPaletted(bounds, palette)
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			c := decoded.At(x, y)
			index, known := nearest[c]
			if !known {
				index = uint8(palette.Index(c))
				nearest[c] = index
			}
			small.SetColorIndex(x, y, index)
		}
	}
	var encoded bytes.Buffer
	must(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&encoded, small))
	return encoded.Bytes()
}
