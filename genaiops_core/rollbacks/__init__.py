"""Going back: the policy that watches a canary, the procedure that takes it out, and the incidents left to close."""
