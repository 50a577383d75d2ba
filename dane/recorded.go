package dane

// A recordedError is what is left of an error in JSON.
type recordedError struct{ report FailureReport }

func (e *recordedError) Error() string { return e.report.Text }
