-- Give leases back; one that ran out and is another try's by now stays.
-- KEYS watchkeeper:canary:<subject>, one each   ARGV 1 holder
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then
    redis.call('DEL', key)
  end
end
return 1
