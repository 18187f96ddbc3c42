# The chaincodes: one executable each.
