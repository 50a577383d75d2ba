package upstream

import "context"

func (c *Client) attempt(ctx context.Context, q *Query, attempts int) (*Reply, error) {
	return c.Exchange(ctx, q)
}
