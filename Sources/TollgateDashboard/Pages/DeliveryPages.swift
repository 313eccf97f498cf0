import HTTPTypes
import TollgateAdmin
import TollgateCore
import TollgateServer
import TollgateStores

/// The page `/deliveries`: the receivers of alerts with what waits for them, test messages and retries.
struct DeliveryPages: Sendable {
    let pages: PageServer

    var routes: [Route] {
        [
            pages.get("/deliveries") { request in .page(try await page(request)) },
            pages.post("/deliveries/{name}/test", test),
            pages.post("/deliveries/{name}/retry", retry),
        ]
    }

    /// The maximum number of deliveries that are listed for a receiver and state.
    private static let maxItems = 20

    // MARK: - Actions

    private func test(_ request: PageRequest) async throws -> PageReply {
        let reply = try await send("test", request)
        let name = reply["receiver"]?.text ?? ""
        guard reply["delivered"] != .bool(true) else {
            let time = reply["milliseconds"]?.compact ?? ""
            return .redirect("/deliveries", notice: "\(name): the test message was delivered in \(time) ms.")
        }
        let sentence = "\(name): the test message was not delivered: \(reply["error"]?.text ?? "")"
        return .page(try await page(request, error: sentence, status: 502))
    }

    private func retry(_ request: PageRequest) async throws -> PageReply {
        let reply = try await send("retry", request)
        func count(_ key: String) -> String { reply[key]?.compact ?? "0" }
        var notice = "\(reply["receiver"]?.text ?? ""): \(count("retried")) failed and \(count("requeued"))"
        notice += " dead-lettered deliveries are tried again."
        if reply["unavailable"] != .integer(0) {
            notice += " The events of \(count("unavailable")) others are no longer stored."
        }
        return .redirect("/deliveries", notice: notice)
    }

    private func send(_ action: String, _ request: PageRequest) async throws(Problem) -> [String: JSONValue] {
        let path = "/v1/deliveries/\(Markup.encoded(try request.parameter("name")))/\(action)"
        return try await pages.admin.send(.post, path, as: request.caller).value.members ?? [:]
    }

    // MARK: - Page

    private func page(_ request: PageRequest, error: String? = nil, status: Int = 200) async throws -> Page {
        let receivers = pages.admin.server.receivers
        let now = await pages.currentTime
        var rows: [TemplateContext] = []
        // Sequentially, because the backlog of a receiver may be long and shares the connection with alerts.
        for receiver in receivers.active {
            let queue = DeliveryQueue(pages.admin.server.stores.alerts, receiver: receiver.name)
            rows.append(row(of: receiver, try await queue.report(atMost: Self.maxItems), now: now))
        }
        var context: TemplateContext = ["receivers": rows, "isEmpty": rows.isEmpty]
        context["file"] = receivers.file
        context["fileError"] = receivers.error
        context["error"] = error
        return Page("deliveries", title: "Deliveries", status: status, context)
    }

    private func row(of receiver: AlertReceiver, _ report: DeliveryReport, now: Int64) -> TemplateContext {
        var context: TemplateContext = [
            "receiver": receiver.name, "path": "/deliveries/\(Markup.encoded(receiver.name))",
            "type": receiver.type.rawValue, "unread": report.unread.map { NumberText.grouped($0) } ?? "–",
            "pending": NumberText.grouped(report.pending), "failingCount": NumberText.grouped(report.failingCount),
            "deadCount": NumberText.grouped(report.deadLetteredCount), "isDead": report.deadLetteredCount > 0,
            "isFailing": report.failingCount > 0 || report.outage != nil,
            "canRetry": report.deadLetteredCount > 0 || report.failingCount > 0 || report.outage != nil,
        ]
        context["to"] = receiver.address
        context["filter"] = Self.filter(receiver.filter)
        let time = pages.localTime
        context["outage"] = report.outage.map { outage -> TemplateContext in
            [
                "since": time.context(outage.since, now: now), "failures": outage.failures,
                "next": time.context(outage.notBefore, now: now),
            ]
        }
        let failing = report.failing.map { item -> TemplateContext in
            var row = delivery(item.delivery, item.failure, now: now)
            row["next"] = time.context(item.failure.nextAt, now: now)
            return row
        }
        let dead = report.deadLettered.map { item -> TemplateContext in
            var row = delivery(item.delivery, item.failure, now: now)
            row["deadAt"] = time.context(item.deadLetteredAt, now: now)
            return row
        }
        context["deliveries"] = dead + failing
        context["hasDeliveries"] = !(dead + failing).isEmpty
        context["hasMore"] =
            report.failingCount > report.failing.count || report.deadLetteredCount > report.deadLettered.count
        return context
    }

    private func delivery(_ id: String, _ failure: FailedDelivery, now: Int64) -> TemplateContext {
        var context: TemplateContext = [
            "id": id, "alert": failure.alert.isEmpty ? "unreadable" : failure.alert, "event": failure.event,
            "attempts": failure.attempts, "failure": failure.lastError,
        ]
        if failure.attempts > 0 { context["first"] = pages.localTime.context(failure.firstAt, now: now) }
        return context
    }

    /// The filter of a receiver in words. Nil if it takes every alert.
    private static func filter(_ filter: AlertReceiver.Filter) -> String? {
        let parts = [
            ("kinds", filter.kinds?.map(\.description)), ("meters", filter.meters?.map(\.name)),
            ("severities", filter.severities?.map(\.rawValue)),
        ].compactMap { name, words in words.map { "\(name): \($0.sorted().joined(separator: ", "))" } }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }
}
