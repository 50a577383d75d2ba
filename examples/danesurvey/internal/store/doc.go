// Package store keeps the rows of a survey in a folder, so that no end of the process loses one
// that is finished, and none is there twice.
//
//	s, err := store.Open(dir)
//	err = s.Put(rows)              // on the disk when it returns
//	for r, err := range s.Rows() { // each line once
//
// # What is in the folder
//
//   - results-0001.ndjson.zst and so on: the rows as lines of JSON, in frames of zstd that follow each
//     other, so that zstdcat reads them;
//   - checkpoint.db: how much of these files counts, which lines have a row, and what the survey is
//     about (bbolt);
//   - unsaved.ndjson: rows that are in no frame yet. It is empty most of the time.
//
// # What is kept
//
// [Store.Put] writes a frame, has the disk take it, and then counts it in the checkpoint, in
// one transaction with the lines that it has. Frames that lie beyond what is counted are counted when
// the folder is opened to be written the next time, as when the checkpoint is older than they are; the last one is
// cut off if it cannot be read: it was not finished.
//
// [Store.Keep] is for rows that come one by one. It writes them to unsaved.ndjson, which outlives
// the process, although not the machine; [Store.Sync] makes a frame of them.
//
// A row belongs to its line and its vantage point, and both take no other row from then on: it
// may be put any number of times. Only a row without a verdict gives way to one that was asked at another
// time. The older one stays in the file, and counts no longer.
package store
