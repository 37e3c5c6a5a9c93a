"""Texts of the source document, as people pasted them into their clusters."""

FILTER = (
    '["istio_requests_total","pilot_k8s_cfg_events","istio_build","process_virtual_memory_bytes",'
    '"process_resident_memory_bytes","process_cpu_seconds_total","envoy_cluster_assignment_stale",'
    '"go_goroutines","pilot_xds_pushes","pilot_proxy_convergence_time_bucket",'
    '"citadel_server_root_cert_expiry_timestamp","pilot_conflict_inbound_listener",'
    '"pilot_conflict_outbound_listener_http_over_current_tcp",'
    '"pilot_conflict_outbound_listener_tcp_over_current_tcp",'
    '"pilot_conflict_outbound_listener_tcp_over_current_http","pilot_virt_services",'
    '"galley_validation_failed","pilot_services","envoy_cluster_upstream_cx_total",'
    '"envoy_cluster_upstream_cx_connect_fail","envoy_cluster_upstream_cx_active",'
    '"envoy_cluster_upstream_cx_rx_bytes_total","envoy_cluster_upstream_cx_tx_bytes_total",'
    '"istio_request_duration_milliseconds_bucket","istio_request_duration_seconds_bucket",'
    '"istio_request_bytes_bucket","istio_response_bytes_bucket"]'
)
IGNORE = (
    '["cache","cluster_type","component","destination_app","destination_canonical_revision",'
    '"destination_canonical_service","destination_cluster","destination_principal","group",'
    '"grpc_code","grpc_method","grpc_service","grpc_type","reason","request_protocol",'
    '"request_type","resource","responce_code_class","response_flags","source_app",'
    '"source_canonical_revision","source_canonical-service","source_cluster","source_principal",'
    '"source_version","wasm_filter"]'
)
PRODUCTPAGE = f"""[[inputs.prom]]
  url = "http://$IP:15020/stats/prometheus"
  source = "bookinfo-istio-product"
  metric_types = ["counter", "gauge"]
  interval = "60s"
\t\t\ttags_ignore = {IGNORE}
  metric_name_filter = {FILTER}
  #measurement_prefix = ""
  measurement_name = "istio_prom"
  #[[inputs.prom.measurements]]
  # prefix = "cpu_"
  # name = "cpu"
  [inputs.prom.tags]
  namespace = "$NAMESPACE"
"""
ISTIOD = f"""[[inputs.prom]]
  url = "http://istiod.istio-system.svc.cluster.local:15014/metrics"
  source = "prom-istiod"
  metric_types = ["counter", "gauge"]
  interval = "60s"
  tags_ignore = {IGNORE}
  metric_name_filter = {FILTER}
  #measurement_prefix = ""
  measurement_name = "istio_prom"
  #[[inputs.prom.measurements]]
  # prefix = "cpu_"
  # name ="cpu"
  [inputs.prom.tags]
    app_id="istiod\""""
ZIPKIN = """[[inputs.zipkin]]
  pathV1 = "/api/v1/spans"
  pathV2 = "/api/v2/spans"
"""
