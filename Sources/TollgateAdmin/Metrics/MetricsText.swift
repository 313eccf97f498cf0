import TollgateCore
import TollgateLedger
import TollgateServer
import TollgateStores
import TollgateWire

/// The metrics of a sidecar as text. docs/metrics.md lists them.
struct MetricsText {
    private var writer: MetricsWriter
    private let metrics: SidecarMetrics

    /// Makes the text.
    ///
    /// - Parameters:
    ///   - stored: The metrics of the data in Redis; nil while it cannot be asked.
    ///   - scopes: The gauges of chosen scopes.
    ///   - moneyUnit: The unit of amounts of money.
    static func make(
        _ metrics: SidecarMetrics, stored: StoredMetrics?, scopes: [ScopeGauge], moneyUnit: MoneyUnit,
        _ format: MetricsFormat
    ) -> String {
        var text = MetricsText(writer: MetricsWriter(format), metrics: metrics)
        text.sidecar()
        text.decisions()
        text.writes(moneyUnit)
        text.redis()
        text.journal()
        text.policy()
        text.clients()
        text.deliveries(stored)
        text.accounts(stored)
        text.scopeGauges(scopes)
        text.process()
        text.writer.finish()
        return text.writer.text
    }

    private var report: InfoReport { metrics.report }

    private mutating func sidecar() {
        writer.gauges(
            "tollgate_build_info", "The version of the sidecar.",
            [([("version", report.version), ("commit", report.commit ?? "")], 1)])
        writer.gauge("tollgate_ready", "Whether /readyz is 200.", report.notReady.isEmpty)
    }

    private mutating func decisions() {
        let tally = metrics.tally
        var samples: [(labels: MetricsWriter.Labels, value: Double)] = []
        let decisions: [OperationVerb] = [.check, .peek, .reserve]
        for verb in decisions {
            samples.append(
                ([("verb", "\(verb)"), ("decision", "allow")], Double(tally[verb, .allowed])))
        }
        for (denial, count) in tally.denials.sorted(by: { $0.key < $1.key }) {
            var labels = [("verb", "\(denial.verb)"), ("decision", "deny"), ("reason", denial.reason.rawValue)]
            if !denial.limit.kind.isEmpty { labels += [("kind", denial.limit.kind), ("limit", denial.limit.limit)] }
            samples.append((labels, Double(count)))
        }
        writer.counters(
            "tollgate_decisions_total", "Decisions with Redis; kind and limit are those of the limit that denied.",
            samples)
        writer.counters(
            "tollgate_would_deny_total", "Denials by limits in shadow mode, which denied nothing.",
            tally.shadows.sorted { $0.key < $1.key }
                .map { ([("kind", $0.key.kind), ("limit", $0.key.limit)], Double($0.value)) })
        writer.counter(
            "tollgate_decisions_would_deny_total", "Allowed decisions that a limit in shadow mode would have denied.",
            tally.wouldDeny)
        writer.counters(
            "tollgate_degraded_total", "Decisions without Redis, by on_redis_failure.",
            decisions.map { ([("verb", "\($0)")], Double(tally[$0, .degraded])) })
        writer.counters(
            "tollgate_errors_total", "Replies that are errors.",
            ErrorCode.allCases.map { ([("code", $0.rawValue)], Double(metrics.errors[$0] ?? 0)) })
        writer.counter(
            "tollgate_requests_shed_total", "Requests refused as busy because they had waited too long.",
            report.counts.shed)
        writer.histogram(
            "tollgate_decision_seconds", "Time from reading a request for a decision to its answer.",
            tally.decisionTimes, scale: 1e-9)
    }

    private mutating func writes(_ unit: MoneyUnit) {
        let tally = metrics.tally
        func samples(_ outcome: OperationTally.Outcome) -> [(labels: MetricsWriter.Labels, value: Double)] {
            [OperationVerb.record, .refund, .commit, .cancel].map {
                ([("verb", "\($0)")], Double(tally[$0, outcome] + (outcome == .applied ? tally[$0, .late] : 0)))
            }
        }
        writer.counters("tollgate_writes_applied_total", "Writes that were applied.", samples(.applied))
        writer.counters("tollgate_writes_queued_total", "Writes that went to the journal.", samples(.queued))
        writer.counters("tollgate_duplicates_total", "Writes that had been applied before.", samples(.duplicate))
        writer.counter(
            "tollgate_late_commits_total", "COMMITs and CANCELs of reservations that had expired.",
            tally[.commit, .late] + tally[.cancel, .late])
        writer.counter(
            "tollgate_holds_not_cancelled_total", "Abandoned reservations that could not be cancelled; they expire.",
            report.counts.holdsNotCancelled)
        let scale = Double(unit.countPerCurrencyUnit)
        writer.counters(
            "tollgate_usage_total", "Usage that RECORD and COMMIT have added, by kind of scope; cost in the currency.",
            tally.usage.sorted { ($0.key.kind, $0.key.meter.rawValue) < ($1.key.kind, $1.key.meter.rawValue) }.map {
                let amount = Double($0.value)
                return (
                    [("meter", $0.key.meter.name), ("kind", $0.key.kind)],
                    $0.key.meter == .cost ? amount / scale : amount
                )
            })
    }

    private mutating func redis() {
        let tally = metrics.tally
        writer.gauge("tollgate_redis_up", "Whether every worker is connected to Redis.", metrics.isRedisUp)
        writer.gauge("tollgate_breaker_open", "Workers that answer without Redis.", metrics.openBreakers)
        writer.gauge(
            "tollgate_redis_refuses_writes", "Whether Redis refuses writes.", report.redis.refusal != nil)
        writer.gauge(
            "tollgate_redis_warnings", "Settings of Redis that risk data loss.", report.redis.health.warnings.count)
        writer.counter(
            "tollgate_data_losses_total", "Times that Redis has lost data.", report.redis.health.dataLosses)
        writer.histogram(
            "tollgate_redis_roundtrip_seconds", "Time until Redis has answered a batch.", tally.roundTrips, scale: 1e-9)
        writer.histogram("tollgate_batch_operations", "Operations in a batch.", tally.batchSizes)
        writer.gauge(
            "tollgate_queue_batches", "Full batches that wait for the one in flight.", metrics.waitingBatches)
    }

    private mutating func journal() {
        guard let journal = report.journal else { return }
        writer.gauge("tollgate_journal_operations", "Operations that wait for Redis.", journal.operations)
        writer.gauge("tollgate_journal_entries", "Journal entries with these operations.", journal.entries)
        writer.gauge("tollgate_journal_bytes", "Size of the journal's files.", metrics.journalBytes)
        writer.gauge("tollgate_journal_oldest_seconds", "Age of the oldest entry.", journal.oldestSeconds ?? 0)
        writer.counter(
            "tollgate_journal_rejected_total", "Rows of what Redis could not apply, in the table rejected.",
            journal.rejected)
        writer.gauge("tollgate_journal_failing", "Whether the journal cannot be used.", journal.error != nil)
    }

    private mutating func policy() {
        writer.gauge(
            "tollgate_policy_revision", "Last change by administrators that is in use.", report.policy.revision)
        writer.gauges(
            "tollgate_policy_invalid", "Whether the current file is not in force.",
            [
                ([("file", "policy")], report.policy.error == nil ? 0 : 1),
                ([("file", "prices")], report.prices.error == nil ? 0 : 1),
                ([("file", "alerts")], report.alerts.receiversError == nil ? 0 : 1),
                ([("file", "token")], report.clients.tokenError == nil ? 0 : 1),
                ([("file", "access")], report.access.error == nil ? 0 : 1),
            ])
        writer.counters(
            "tollgate_policy_reload_failures_total", "Reloads of a file that failed.",
            [
                ([("file", "policy")], Double(metrics.policyReloadFailures)),
                ([("file", "prices")], Double(metrics.priceReloadFailures)),
                ([("file", "alerts")], Double(metrics.receiverReloadFailures)),
                ([("file", "token")], Double(metrics.tokenReloadFailures)),
                ([("file", "access")], Double(metrics.accessReloadFailures)),
            ])
        writer.gauge(
            "tollgate_policy_peers_differ", "Sidecars of the namespace with another policy.",
            report.policy.differsFrom.count)
        let counts = report.counts
        writer.counter(
            "tollgate_policy_cache_hits_total", "Scopes of requests whose settings were cached.",
            metrics.cacheHits)
        writer.counter(
            "tollgate_policy_cache_misses_total", "Scopes of requests whose settings were read from Redis.",
            counts.scopesLookedUp)
        writer.gauge("tollgate_scopes_cached", "Scopes whose limits are cached.", counts.scopesCached)
        writer.counter(
            "tollgate_prices_unknown_model_requests_total", "Requests with a model without a price.",
            report.prices.unknownModelRequests)
    }

    private mutating func clients() {
        writer.gauge("tollgate_connections", "Open connections of clients.", report.counts.connections)
        writer.gauge("tollgate_connections_max", "Maximum number of connections.", report.clients.max)
        writer.counter(
            "tollgate_connections_refused_total", "Connections refused at the maximum.", report.clients.refused)
        writer.gauge(
            "tollgate_accept_failing", "Whether the system accepts no connections.", report.clients.acceptFailure != nil
        )
        writer.gauge("tollgate_alert_subscribers", "Connections subscribed to alerts.", report.counts.alertSubscribers)
        writer.counter("tollgate_wrong_tokens_total", "Wrong tokens of clients.", report.clients.wrongTokens)
        writer.counter(
            "tollgate_foreign_connections_total", "Connections that spoke another protocol.", report.clients.foreign)
    }

    private mutating func deliveries(_ stored: StoredMetrics?) {
        writer.counters(
            "tollgate_deliveries_total", "Deliveries of alert events by this sidecar.",
            metrics.deliveries.sorted { $0.key < $1.key }.flatMap { receiver, counts in
                DeliveryCounts.Outcome.allCases.map { outcome in
                    ([("receiver", receiver), ("result", outcome.rawValue)], Double(counts[outcome] ?? 0))
                }
            })
        guard let stored else { return }
        writer.gauges(
            "tollgate_alerts_open", "Open and acknowledged alerts of all sidecars, at most 1000.",
            Alert.Severity.allCases.flatMap { severity in
                Alert.Kind.allCases.map { kind in
                    (
                        [("severity", severity.rawValue), ("kind", kind.rawValue)],
                        Double(stored.alerts[.init(severity, kind)] ?? 0)
                    )
                }
            })
        writer.gauges(
            "tollgate_deliveries_waiting", "Alert events that wait for delivery.",
            stored.receivers.map { ([("receiver", $0.name)], Double($0.waiting)) })
        writer.gauges(
            "tollgate_deliveries_dead_lettered", "Alert events in the dead-letter stream.",
            stored.receivers.map { ([("receiver", $0.name)], Double($0.deadLettered)) })
    }

    private mutating func accounts(_ stored: StoredMetrics?) {
        func samples(_ value: (StoredMetrics.AccountFreshness) -> Double?)
            -> [(labels: MetricsWriter.Labels, value: Double)]
        {
            (stored?.accounts ?? []).compactMap { account in
                value(account).map { ([("provider", account.provider), ("account", account.id)], $0) }
            }
        }
        writer.gauges(
            "tollgate_provider_sync_age_seconds", "Age of the provider's figures of an account.", samples(\.age))
        writer.gauges(
            "tollgate_provider_sync_interval_seconds", "Interval at which an account is read.", samples(\.interval))
        writer.gauges(
            "tollgate_provider_drift_ratio",
            "Our count less the provider's, as a share of the provider's, of the last closed day.", samples(\.drift))
        writer.gauge(
            "tollgate_accounts_failing", "Accounts that this sidecar reads and cannot read.",
            report.accounts.failing.count)
    }

    private mutating func scopeGauges(_ gauges: [ScopeGauge]) {
        func samples(_ value: (ScopeGauge) -> Double?) -> [(labels: MetricsWriter.Labels, value: Double)] {
            gauges.compactMap { gauge in
                value(gauge).map { ([("scope", gauge.scope), ("limit", gauge.limit)], $0) }
            }
        }
        writer.gauges("tollgate_limit_used_ratio", "Used share of a limit.", samples(\.usedRatio))
        writer.gauges("tollgate_limit_remaining", "What is left of a limit.", samples(\.remaining))
        writer.gauges("tollgate_limit_max", "Maximum of a limit.", samples(\.max))
    }

    private mutating func process() {
        guard let process = metrics.process else { return }
        writer.counters(
            "process_cpu_seconds_total", "User and system processor time.", [([], process.cpuSeconds)])
        writer.gauge("process_resident_memory_bytes", "Resident memory.", process.residentBytes)
        writer.gauge("process_virtual_memory_bytes", "Virtual memory.", process.virtualBytes)
        writer.gauge("process_open_fds", "Open file descriptors.", process.openFiles)
        writer.gauge("process_max_fds", "Maximum number of open file descriptors.", process.maxOpenFiles)
        writer.gauge("process_start_time_seconds", "Start of the process, Unix seconds.", process.startedAt)
    }
}
