import TollgateAdmin
import TollgateCore
import TollgateServer
import TollgateStores

/// The page `/system`: the state of the sidecar, as in STATUS, and the other sidecars of the namespace.
struct SystemPage: Sendable {
    let pages: PageServer

    var routes: [Route] { [pages.get("/system", show)] }

    private func show(_ request: PageRequest) async throws -> PageReply {
        let report = await pages.admin.server.report()
        let now = await pages.currentTime
        let parts = [
            sidecar(report), redis(report, now: now), policy(report, now: now), journal(report), clients(report),
            alerts(report), decisions(report), cache(report),
        ]
        var context: TemplateContext = ["reasons": report.notReady, "isReady": report.notReady.isEmpty]
        context["panels"] = parts.map { part -> TemplateContext in
            [
                "title": part.title, "key": part.title.lowercased(), "warnings": part.warnings,
                "terms": part.terms.map { ["term": $0, "text": $1] as TemplateContext },
            ]
        }
        context.merge(await sidecars(report))
        return .page(Page("system", title: "System", context))
    }

    // MARK: - Parts

    /// A panel of the page.
    private struct Part {
        var title: String
        var terms: [(String, String)] = []
        var warnings: [String] = []

        /// Adds a line. Nil is left out.
        mutating func add(_ term: String, _ text: String?) {
            if let text { terms.append((term, text)) }
        }

        mutating func add(_ term: String, _ number: some BinaryInteger) {
            terms.append((term, NumberText.grouped(number)))
        }
    }

    private func sidecar(_ report: InfoReport) -> Part {
        var part = Part(title: "Sidecar")
        part.add("Version", report.version)
        part.add("Commit", report.commit)
        part.add("Uptime", LocalTime.age(milliseconds: Int64(report.uptimeSeconds) * 1_000))
        part.add("Process", "\(report.processId)")
        part.add("Listens on", report.listen.joined(separator: ", "))
        part.add("Admin API", report.admin)
        return part
    }

    private func redis(_ report: InfoReport, now: Int64) -> Part {
        let redis = report.redis
        var part = Part(title: "Redis")
        part.add("Address", redis.address)
        part.add("Version", redis.version)
        for (index, link) in redis.links.enumerated() { part.add("Link of worker \(index + 1)", link) }
        part.add("Functions", redis.functions)
        if redis.health.dataLosses > 0 {
            part.add("Losses of data", redis.health.dataLosses)
            part.add("Last loss", time(redis.health.lastDataLoss, now: now))
        }
        part.warnings = redis.health.warnings
        if let refusal = redis.refusal {
            let since = time(refusal.since, now: now) ?? refusal.since
            part.warnings.insert("Redis refuses writes since \(since): \(refusal.reason)", at: 0)
        }
        return part
    }

    private func policy(_ report: InfoReport, now: Int64) -> Part {
        let policy = report.policy
        var part = Part(title: "Policy")
        part.add("File", policy.file)
        part.add("Digest", policy.digest)
        part.add("Loaded", time(policy.loadedAt, now: now))
        part.add("Settings of administrators", policy.revision.map { "as of change \($0)" } ?? "not read yet")
        part.add("Subscribed to changes", policy.isSubscribed ? "yes" : "no")
        part.add("Decimals of money", policy.decimals)
        if let error = policy.error { part.warnings.append("The file could not be loaded: \(error)") }
        return part
    }

    private func journal(_ report: InfoReport) -> Part {
        var part = Part(title: "Journal")
        guard let journal = report.journal else {
            part.add("State", "off")
            return part
        }
        part.add("Waiting writes", journal.operations)
        part.add("Entries", journal.entries)
        part.add("Oldest", journal.oldestSeconds.map { LocalTime.age(milliseconds: $0 * 1_000) })
        part.add("Replayed a second", "\(journal.replayedPerSecond)")
        part.add("Rejected by Redis", journal.rejected)
        part.add("Created again", journal.remade.map { NumberText.grouped($0) })
        if let error = journal.error { part.warnings.append(error) }
        return part
    }

    private func clients(_ report: InfoReport) -> Part {
        let clients = report.clients
        var part = Part(title: "Connections")
        part.add("Open", "\(NumberText.grouped(report.counts.connections)) of \(NumberText.grouped(clients.max))")
        part.add("Refused at the limit", clients.refused)
        part.add("Wrong tokens", clients.wrongTokens)
        part.add("Other protocols", clients.foreign)
        if let failure = clients.acceptFailure { part.warnings.append("No connections are accepted: \(failure)") }
        return part
    }

    private func alerts(_ report: InfoReport) -> Part {
        let alerts = report.alerts
        var part = Part(title: "Alert feed")
        part.add("Read up to", alerts.cursor ?? "not read yet")
        part.add("Subscribed to events", alerts.isSubscribed ? "yes" : "no")
        part.add("Subscribers", report.counts.alertSubscribers)
        part.add("File of receivers", alerts.receiversFile)
        if let error = alerts.receiversError { part.warnings.append("The file could not be loaded: \(error)") }
        return part
    }

    private func decisions(_ report: InfoReport) -> Part {
        let counts = report.counts
        var part = Part(title: "Counts since the start")
        part.add("Allowed", counts.allowed)
        part.add("Denied", counts.denied)
        part.add("Denied only by limits in shadow mode", counts.wouldDeny)
        part.add("Decided without Redis", counts.degraded)
        part.add("Writes applied", counts.applied)
        part.add("Duplicate writes", counts.duplicates)
        part.add("Writes to the journal", counts.queued)
        part.add("Errors", counts.errors)
        part.add("Refused as busy", counts.shed)
        part.add("Reservations not cancelled", counts.holdsNotCancelled)
        part.add("Operations sent", counts.operations)
        part.add("Batches sent", counts.batches)
        return part
    }

    private func cache(_ report: InfoReport) -> Part {
        var part = Part(title: "Scopes")
        part.add("Cached", report.counts.scopesCached)
        part.add("Hit rate", report.cacheHitRate.map { "\(($0 * 1_000).rounded(.down) / 10) %" })
        let unlimited = report.scopes.unlimitedDecisions.sorted { $0.key < $1.key }
        for (kind, count) in unlimited { part.add("Decisions without a limit, kind \(kind)", count) }
        if !report.scopes.limitedKindsNotNamed.isEmpty {
            part.add("Kinds with limits not named yet", report.scopes.limitedKindsNotNamed.joined(separator: ", "))
        }
        return part
    }

    private func time(_ text: String?, now: Int64) -> String? {
        text.flatMap(UTCTime.milliseconds(parsing:)).map { pages.localTime.dateAndTime($0, now: now) }
    }

    // MARK: - Sidecars

    /// The age of an announcement from which its sidecar may have been killed, ms. They are made every five seconds.
    private static let late: Int64 = 15_000

    private func sidecars(_ report: InfoReport) async -> TemplateContext {
        do throws(StoreError) {
            let all = try await pages.admin.server.stores.policy.sidecars.recent()
            return [
                "sidecars": all.map { sidecar -> TemplateContext in
                    [
                        "id": sidecar.id, "host": sidecar.name, "digest": sidecar.digest,
                        "isOther": sidecar.digest != report.policy.digest,
                        "version": sidecar.details?.version ?? "unknown",
                        "isOtherVersion": sidecar.details.map { $0.version != report.version } ?? true,
                        "listen": sidecar.addresses.joined(separator: ", "),
                        "age": "\(LocalTime.age(milliseconds: sidecar.age)) ago",
                        "isLate": sidecar.age >= Self.late,
                    ]
                }
            ]
        } catch {
            return ["sidecarsError": error.description]
        }
    }
}
