-- Health of an IstioObservability for Argo CD: the rule of kstatus, in the order of kstatus.
-- Deletion, then a status about an older generation, then Reconciling, then Stalled, then Ready.
-- kstatus says InProgress where this says Progressing, Failed where this says Degraded.

local function progressing(message)
  return { status = "Progressing", message = message }
end

local function message_of(condition)
  if condition.message ~= nil and condition.message ~= "" then
    return condition.message
  end
  return condition.reason or ""
end

local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready = conditions["Ready"]

if obj.metadata.deletionTimestamp ~= nil then
  return progressing(ready and message_of(ready) or "Releasing")
end
if status.observedGeneration ~= obj.metadata.generation then
  return progressing("Waiting for the operator to see this generation")
end
if conditions["Reconciling"] and conditions["Reconciling"].status == "True" then
  return progressing(message_of(conditions["Reconciling"]))
end
if conditions["Stalled"] and conditions["Stalled"].status == "True" then
  return { status = "Degraded", message = message_of(conditions["Stalled"]) }
end
if ready == nil then
  return progressing("Waiting for the operator")
end
if ready.status == "True" then
  return { status = "Healthy", message = message_of(ready) }
end
return progressing(message_of(ready))
