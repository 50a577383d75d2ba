package replay

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Macros evaluates the expressions of steps, as in TIME_PASSES EVAL ${30*24*3600}.
type Macros struct {
	Time    time.Time     // ${time}
	Timeout time.Duration // ${timeout}: until the first timer ends

	variables map[string]float64
}

// Assign does what the arguments of an ASSIGN step say: name = expression.
func (m *Macros) Assign(args []string) error {
	name, expression, ok := strings.Cut(strings.Join(args, " "), "=")
	if !ok {
		return fmt.Errorf("ASSIGN %v", args)
	}
	value, err := m.Eval(expression)
	if err != nil {
		return err
	}
	if m.variables == nil {
		m.variables = make(map[string]float64)
	}
	m.variables[strings.TrimSpace(name)] = value
	return nil
}

// Elapse returns how long a TIME_PASSES step takes: ELAPSE seconds or EVAL expression.
func (m *Macros) Elapse(args []string) (time.Duration, error) {
	if len(args) < 2 || args[0] != "ELAPSE" && args[0] != "EVAL" {
		return 0, fmt.Errorf("TIME_PASSES %v", args)
	}
	seconds, err := m.Eval(strings.Join(args[1:], " "))
	return time.Duration(seconds * float64(time.Second)), err
}

var (
	innermost = regexp.MustCompile(`\$\{([^{}]*)\}`)
	words     = regexp.MustCompile(`\$\w+|[\w.]+|[-+*/]`)
)

// Eval evaluates an expression: strictly from left to right, inner braces first. The
// error of ${range low x high} says that x is out of the range.
func (m *Macros) Eval(expression string) (float64, error) {
	expression = strings.TrimSpace(expression)
	for {
		at := innermost.FindStringSubmatchIndex(expression)
		if at == nil {
			return m.sum(expression)
		}
		value, err := m.sum(expression[at[2]:at[3]])
		if err != nil {
			return 0, err
		}
		expression = expression[:at[0]] + strconv.FormatFloat(value, 'f', -1, 64) + expression[at[1]:]
	}
}

func (m *Macros) sum(expression string) (float64, error) {
	tokens := words.FindAllString(expression, -1)
	if len(tokens) == 4 && tokens[0] == "range" {
		return m.within(tokens[1:])
	}
	if len(tokens)%2 == 0 || strings.TrimSpace(words.ReplaceAllString(expression, "")) != "" {
		return 0, fmt.Errorf("%q is no expression", expression)
	}
	result, err := m.value(tokens[0])
	for i := 1; i < len(tokens) && err == nil; i += 2 {
		var operand float64
		operand, err = m.value(tokens[i+1])
		switch tokens[i] {
		case "+":
			result += operand
		case "-":
			result -= operand
		case "*":
			result *= operand
		case "/":
			result /= operand
		default:
			err = fmt.Errorf("%q is no operator", tokens[i])
		}
	}
	return result, err
}

// within is x of "low x high".
func (m *Macros) within(tokens []string) (float64, error) {
	var values [3]float64
	for i, token := range tokens {
		var err error
		if values[i], err = m.value(token); err != nil {
			return 0, err
		}
	}
	if x := values[1]; x < values[0] || x > values[2] {
		return 0, fmt.Errorf("%v is not from %v to %v", x, values[0], values[2])
	}
	return values[1], nil
}

func (m *Macros) value(token string) (float64, error) {
	switch {
	case token == "time":
		return float64(m.Time.Unix()), nil
	case token == "timeout":
		return m.Timeout.Seconds(), nil
	case strings.HasPrefix(token, "$"):
		value, ok := m.variables[token[1:]]
		if !ok {
			return 0, fmt.Errorf("%s has no value", token)
		}
		return value, nil
	}
	return strconv.ParseFloat(token, 64)
}
