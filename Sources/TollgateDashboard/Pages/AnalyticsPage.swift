import HTTPTypes
import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The page `/analytics`: the usage of a scope by day or month and by provider, tool or model, or of up to eight scopes
/// beside each other.
struct AnalyticsPage: Sendable {
    let pages: PageServer

    /// The maximum number of scopes beside each other.
    private static let maxScopes = 8
    /// The maximum numbers of days and months, so that a chart stays readable.
    private static let (maxDays, maxMonths): (Int64, Int64) = (92, 24)

    var routes: [Route] {
        [
            pages.get("/analytics") { .page(try await page($0)) },
            pages.get("/analytics.csv") { try await file($0) },
        ]
    }

    private var sidecar: Sidecar { pages.admin.server }
    private var policy: Policy { sidecar.policies.effective }

    /// The choices of the page, as its URL states them.
    private struct Choices {
        /// The scopes as the user entered them.
        var names: [String]
        var unit: CalendarUnit
        var count: Int64
        /// Nil compares the scopes, and does not split them.
        var dimension: HistoryDimension?
        var meter: HistoryMeter

        init(_ query: Form) {
            names = query.all("scope").flatMap { $0.split { $0 == "\n" || $0 == "\r" || $0 == "\r\n" } }.map(
                String.init)
            unit = query["unit"] == "month" ? .month : .day
            let maxCount = unit == .day ? maxDays : maxMonths
            let count = query["last"].flatMap { Int64($0) } ?? (unit == .day ? 30 : 12)
            self.count = min(max(count, 1), maxCount)
            dimension = query["by"] == "none" ? nil : query["by"].flatMap(HistoryDimension.init(rawValue:)) ?? .provider
            if names.count > 1 { dimension = nil }
            meter = query["meter"].flatMap(HistoryMeter.init(rawValue:)) ?? .cost
        }

        var query: [(name: String, value: String)] {
            names.map { ("scope", $0) } + [
                ("unit", unit.rawValue), ("last", "\(count)"), ("by", dimension?.name ?? "none"), ("meter", meter.name),
            ]
        }
    }

    /// The charts of the scopes, and what is wrong with those that have none.
    private struct Report {
        var charts: [HistoryChart] = []
        var problems: [String] = []
    }

    // MARK: - Page

    private func page(_ request: PageRequest) async throws -> Page {
        let choices = Choices(request.query)
        let report = try await read(choices)
        let unit = HistoryChart.amountUnit(of: choices.meter, in: policy)
        var context = form(choices)
        context["problems"] = report.problems
        if let first = report.charts.first {
            let series =
                choices.dimension.map { first.series(of: choices.meter, by: $0) }
                ?? report.charts.map { $0.series(of: choices.meter) }
            let data = ChartData(
                id: "analytics", title: "\(unit.name) by \(choices.unit.rawValue)", columns: first.columns,
                series: series, unit: unit)
            context["chart"] = report.charts.count > 1 ? Lines(data).markup : StackedBars(data).markup
            context["rows"] = rows(of: report.charts, choices, unit)
            context["timeZone"] = first.timeZone
            context["csv"] = choices.names.count == 1 ? "/analytics.csv" + Markup.query(choices.query) : nil
            let now = await pages.currentTime
            context["projection"] = projection(of: first, report.charts.count, choices, unit, at: now)
        }
        context["unitName"] = unit.name
        context["isComparison"] = report.charts.count > 1
        return Page("analytics", title: "Analytics", status: report.problems.isEmpty ? 200 : 422, context)
    }

    private func form(_ choices: Choices) -> TemplateContext {
        func options(_ values: [(String, String)], _ selected: String) -> [TemplateContext] {
            values.map { ["value": $0.0, "label": $0.1, "isSelected": $0.0 == selected] }
        }
        let dimensions = HistoryDimension.allCases.map { ($0.name, $0.name) } + [("none", "not split")]
        return [
            "scopes": choices.names.joined(separator: "\n"), "last": "\(choices.count)",
            "units": options([("day", "days"), ("month", "months")], choices.unit.rawValue),
            "dimensions": options(dimensions, choices.dimension?.name ?? "none"),
            "meters": options(
                HistoryMeter.charted.map { ($0.name, $0.name.replacing("_", with: " ")) }, choices.meter.name),
            "maxScopes": Self.maxScopes, "isEmpty": choices.names.isEmpty,
        ]
    }

    private func read(_ choices: Choices) async throws -> Report {
        var report = Report()
        guard choices.names.count <= Self.maxScopes else {
            report.problems = ["\(choices.names.count) scopes; at most \(Self.maxScopes) fit beside each other."]
            return report
        }
        for name in choices.names {
            let scope: Scope
            do throws(ScopeError) {
                scope = try Scope(parsing: name).foldingCase(of: policy.foldedKinds)
                guard policy.hasHistory(scope.kind) else {
                    throw ScopeError(
                        "\(name): no history is retained for \(scope.kind); see history in the policy file")
                }
            } catch {
                report.problems.append("\(error)")
                continue
            }
            // One calendar for all, so that the columns of a comparison are the same days. A single scope has its own.
            let calendar =
                choices.names.count > 1 ? policy.calendar : try await sidecar.usage(of: scope).rules.calendar
            report.charts.append(
                try await HistoryChart.read(
                    of: scope, last: choices.count, choices.unit, in: calendar,
                    by: choices.dimension.map { [$0] } ?? [], from: sidecar))
        }
        return report
    }

    /// Returns a row for each day or month, the newest first, with an amount for each scope or all amounts of the one.
    private func rows(of charts: [HistoryChart], _ choices: Choices, _ unit: AmountUnit) -> TemplateContext {
        guard let first = charts.first else { return [:] }
        let isComparison = charts.count > 1
        let header =
            isComparison
            ? charts.map(\.scope.description)
            : HistoryMeter.charted.map { $0 == .cost ? policy.currency : $0.name.replacing("_", with: " ") }
        let rows = first.windows.indices.reversed().map { index -> TemplateContext in
            let cells =
                isComparison
                ? charts.map { unit.number(Int128($0.records[index].total[choices.meter])) }
                : HistoryMeter.charted.map { meter in
                    HistoryChart.amountUnit(of: meter, in: policy).number(Int128(first.records[index].total[meter]))
                }
            return ["id": first.windows[index].id, "cells": cells]
        }
        return ["header": header, "items": rows]
    }

    /// Returns the projected total of the running month, if its other days are like those so far. Nil for a comparison.
    private func projection(
        of chart: HistoryChart, _ count: Int, _ choices: Choices, _ unit: AmountUnit, at now: Int64
    ) -> String? {
        guard count == 1, choices.unit == .month, let window = chart.windows.last, let record = chart.records.last
        else {
            return nil
        }
        let elapsed = Int128(now - window.startsAt)
        let length = Int128(window.endsAt - window.startsAt)
        guard elapsed > 86_400_000, elapsed < length else { return nil }
        return unit.compactText(Int128(record.total[choices.meter]) * length / elapsed)
    }

    // MARK: - CSV

    /// The report of one scope as the API writes it, so that both have the same columns.
    private func file(_ request: PageRequest) async throws -> PageReply {
        let choices = Choices(request.query)
        guard choices.names.count == 1, let name = choices.names.first else {
            throw Problem.badRequest("CSV is for one scope at a time")
        }
        let chart = try await read(choices)
        guard let windows = chart.charts.first?.windows, let first = windows.first, let last = windows.last else {
            throw Problem.badRequest(chart.problems.first ?? "scope: is required")
        }
        var pairs = [
            (name: "scope", value: name), (name: "from", value: first.id), (name: "to", value: last.id),
            (name: "format", value: "csv"),
        ]
        if let dimension = choices.dimension { pairs.append(("by", dimension.name)) }
        let path = "/v1/reports/\(choices.unit == .day ? "daily" : "monthly")" + Markup.query(pairs)
        let reply = try await pages.admin.send(.get, path, as: request.caller)
        return .file(name: "tollgate-\(choices.unit.rawValue)s.csv", type: "text/csv; charset=utf-8", text: reply.text)
    }
}
