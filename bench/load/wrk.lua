-- What wrk sends, from its arguments: METHOD BODYBYTES [NAME VALUE]...; and what it saw, as one line of JSON.
function init(args)
  wrk.method = args[1]
  local bytes = tonumber(args[2])
  if bytes > 0 then wrk.body = string.rep("x", bytes) end
  for i = 3, #args, 2 do wrk.headers[args[i]] = args[i + 1] end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"bytes":%.0f,"durationUs":%d,"p50Us":%.0f,"p99Us":%.0f,' ..
    '"failures":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
    summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.status, e.timeout))
end
