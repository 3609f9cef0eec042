-- Listings, the newest first: each ends with the row's number, so that a page reads what it answers and sorts nothing.
CREATE INDEX cloudformation_stack_in_order ON cloudformation_stack (account, region);
CREATE INDEX cloudformation_stack_in_order_alive ON cloudformation_stack (account, region)
  WHERE status != 'DELETE_COMPLETE';
