// Package work does a survey: it takes from the list what is not done, and keeps what comes of it in
// a store, so that whoever goes on later knows where.
//
//	about.List, err = work.CopyList(ctx, dir, name, reader, column)
//	list, err := work.OpenList(dir, about.List, column)
//	w := &work.Work{Store: store, Survey: survey, List: list.List}
//	err = w.Run(ctx)
package work
