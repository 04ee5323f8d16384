//! A literal stands in the text: is it a secret of the rule?
//!
//! The rule's regex is built when its literal is first seen. It is run anchored,
//! at each start that the literal's offsets allow, over a bounded span; then come
//! the rule's boundaries, contexts, companions, checks and ignored values, the
//! cheap ones first.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input, meta};

use super::checks::{self, Refusal};
use super::hit::Hit;
use super::service::is_of_another;
use super::shape::{Shape, hir};
use super::watch::{Condition, Ignored, Watch};
use crate::formats::hex;
use crate::rules::{Context, ContextMode, Literal, Nearby, Rule, Side};

/// How far around a match anything may look.
pub(crate) const REACH: usize = Rule::MAX_REACH as usize;

/// A rule's shape and automata, each built on first use.
pub(crate) struct Lazy {
    shape: OnceLock<Shape>,
    compiled: OnceLock<Option<Compiled>>,
}

impl Lazy {
    pub(crate) fn new() -> Self {
        Self { shape: OnceLock::new(), compiled: OnceLock::new() }
    }

    /// What a match begins with.
    #[inline]
    pub(crate) fn shape(&self, rule: &Rule) -> &Shape {
        self.shape.get_or_init(|| Shape::new(rule))
    }

    /// Whether it was tried and cannot be built.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.compiled.get(), Some(None))
    }

    /// `None` where the pattern cannot be built: rule checking refuses such rules,
    /// and a scan reports them.
    pub(crate) fn get(&self, rule: &Rule) -> Option<&Compiled> {
        self.compiled.get_or_init(|| Compiled::new(rule)).as_ref()
    }
}

pub(crate) struct Compiled {
    regex: meta::Regex,
    shape: Shape,
    /// Named groups other than `secret`, by slot of their start.
    groups: Vec<(usize, String)>,
    /// The slot of the start of the group `secret`.
    secret: usize,
    contexts: Vec<regex::bytes::Regex>,
    nearby: Vec<regex::bytes::Regex>,
    ignored: Vec<regex::bytes::Regex>,
}

/// Bounds of one regex, so that a hostile pack cannot eat the memory.
pub(crate) const REGEX_SIZE_LIMIT: usize = 4 << 20;

fn bytes_regex(pattern: &str) -> Option<regex::bytes::Regex> {
    regex::bytes::RegexBuilder::new(pattern).unicode(false).size_limit(REGEX_SIZE_LIMIT).build().ok()
}

impl Compiled {
    fn new(rule: &Rule) -> Option<Self> {
        let syntax = regex_automata::util::syntax::Config::new().unicode(false).utf8(false);
        let hir = hir(&rule.pattern)?;
        let config = meta::Config::new()
            .auto_prefilter(false)
            .utf8_empty(false)
            .nfa_size_limit(Some(REGEX_SIZE_LIMIT));
        let regex = meta::Builder::new().configure(config).syntax(syntax).build_from_hir(&hir).ok()?;
        let info = regex.group_info();
        let slot = |name: &str| {
            let group = info.to_index(regex_automata::PatternID::ZERO, name)?;
            info.slots(regex_automata::PatternID::ZERO, group).map(|(start, _)| start)
        };
        let secret = slot("secret").unwrap_or(0);
        let names =
            info.pattern_names(regex_automata::PatternID::ZERO).flatten().filter(|name| *name != "secret");
        let groups = names.filter_map(|name| Some((slot(name)?, name.to_owned()))).collect();
        let all = |patterns: &mut dyn Iterator<Item = &String>| {
            patterns.map(|p| bytes_regex(p)).collect::<Option<Vec<_>>>()
        };
        let contexts = all(&mut rule.context.iter().map(|context| &context.pattern))?;
        let nearby = all(&mut rule.nearby.iter().map(|nearby| &nearby.pattern))?;
        let ignored = all(&mut rule.ignore.patterns.iter())?;
        Some(Self { shape: Shape::of(&hir), regex, groups, secret, contexts, nearby, ignored })
    }

    /// Scratch for [`Compiled::find`], one for each thread.
    pub(crate) fn scratch(&self) -> Scratch {
        Scratch { cache: self.regex.create_cache(), slots: vec![None; self.regex.group_info().slot_len()] }
    }

    /// The match of the rule that covers the literal at `start..`, if any: the one
    /// that begins first. `text` holds all that it may look at.
    pub(crate) fn find(
        &self,
        rule: &Rule,
        literal: &Literal,
        (min_offset, max_offset): (usize, usize),
        text: &[u8],
        start: usize,
        scratch: &mut Scratch,
    ) -> Option<Range<usize>> {
        let end = start + literal.bytes.len();
        for from in self.shape.starts(text, start.saturating_sub(max_offset)..=start.checked_sub(min_offset)?)
        {
            if !self.shape.may_begin(rule, text, from) {
                continue;
            }
            if limit(rule, text, from) < end {
                continue;
            }
            let Some(to) = self.match_at(rule, text, from, scratch).filter(|to| *to >= end) else { continue };
            if byte_after(rule, text, to).is_none() {
                return Some(from..to);
            }
        }
        None
    }

    /// The end of the pattern's match at a place, whatever touches it.
    #[inline]
    pub(crate) fn match_at(
        &self,
        rule: &Rule,
        text: &[u8],
        from: usize,
        scratch: &mut Scratch,
    ) -> Option<usize> {
        let input = Input::new(text).span(from..limit(rule, text, from)).anchored(Anchored::Yes);
        self.regex.search_slots_with(&mut scratch.cache, &input, &mut scratch.slots)?;
        scratch.range(0).map(|range| range.end)
    }

    /// Takes a match through the rule's conditions, which `watch` is told of one by
    /// one. `span` is within `text`.
    ///
    /// # Errors
    ///
    /// Why the match is not a secret of the rule.
    pub(super) fn judge<'t>(
        &self,
        rule: &Rule,
        text: &'t [u8],
        span: Range<usize>,
        scratch: &Scratch,
        watch: &mut (impl Watch + ?Sized),
    ) -> Result<Hit<'t>, Refusal> {
        // What may be looked at, whatever the window of the content happens to be.
        let first = span.start.saturating_sub(REACH);
        let last = text.len().min(span.end.saturating_add(REACH));
        let text = text.get(first..last).unwrap_or_default();
        let local = |range: Range<usize>| range.start - first..range.end - first;
        let secret = scratch.range(self.secret).unwrap_or_else(|| span.clone());
        let mut hit = Hit {
            text,
            span: local(span),
            secret: local(secret),
            value: None,
            claims: Vec::new(),
            more: Vec::new(),
            attributes: Vec::new(),
        };
        for (slot, name) in &self.groups {
            if let Some(value) = scratch.range(*slot).and_then(|range| text.get(local(range))) {
                hit.add_attribute(Cow::Owned(name.clone()), String::from_utf8_lossy(value));
            }
        }
        let verdict = self.hold(rule, &mut hit, watch);
        watch.judged(&hit, verdict);
        verdict.map(|()| hit)
    }

    /// Holds all conditions against a match, in order, up to the first that refuses.
    fn hold(&self, rule: &Rule, hit: &mut Hit<'_>, watch: &mut (impl Watch + ?Sized)) -> Result<(), Refusal> {
        for (number, (context, regex)) in rule.context.iter().zip(&self.contexts).enumerate() {
            let verdict = check_context(context, regex, hit);
            watch.condition(Condition::Context(number), &|| context_place(context, regex, hit), verdict);
            verdict?;
        }
        for (number, (nearby, regex)) in rule.nearby.iter().zip(&self.nearby).enumerate() {
            let verdict = find_nearby(rule, nearby, regex, hit);
            watch.condition(Condition::Nearby(number), &|| nearby_place(rule, nearby, regex, hit), verdict);
            verdict?;
        }
        for (number, check) in rule.checks.iter().enumerate() {
            let verdict = checks::run(check, hit);
            watch.condition(Condition::Check(number), &|| None, verdict);
            verdict?;
        }
        let ignored = self.ignored(rule, hit);
        let verdict = match ignored {
            None => Ok(()),
            Some(Ignored::Value(_) | Ignored::Pattern(_)) => Err(Refusal("an ignored value")),
            Some(Ignored::Blake3(_) | Ignored::Sha256(_)) => Err(Refusal("a published sample")),
        };
        watch.condition(Condition::Ignored(ignored), &|| None, verdict);
        verdict
    }

    /// What the secret is, where it is one that the rule ignores.
    fn ignored(&self, rule: &Rule, hit: &Hit<'_>) -> Option<Ignored> {
        let secret = hit.secret_bytes();
        let is_value = |value: &String| {
            value.as_bytes() == secret || hit.attributes.iter().any(|(_, attribute)| attribute == value)
        };
        if let Some(number) = rule.ignore.values.iter().position(is_value) {
            return Some(Ignored::Value(number));
        }
        if let Some(number) = self.ignored.iter().position(|regex| regex.is_match(secret)) {
            return Some(Ignored::Pattern(number));
        }
        if !rule.ignore.blake3.is_empty() {
            let digest = blake3::hash(secret).to_hex();
            if let Some(number) = rule.ignore.blake3.iter().position(|known| known == digest.as_str()) {
                return Some(Ignored::Blake3(number));
            }
        }
        if !rule.ignore.sha256.is_empty() {
            let digest = hex::encode(&sha256(secret));
            return rule.ignore.sha256.iter().position(|known| *known == digest).map(Ignored::Sha256);
        }
        None
    }
}

/// Where a match that begins at `from` ends at the latest.
#[inline]
pub(crate) fn limit(rule: &Rule, text: &[u8], from: usize) -> usize {
    text.len().min(from.saturating_add(usize::try_from(rule.max_length).unwrap_or(usize::MAX)))
}

/// The byte at `to`, where no match may end before it.
#[inline]
pub(crate) fn byte_after(rule: &Rule, text: &[u8], to: usize) -> Option<u8> {
    text.get(to).copied().filter(|byte| rule.not_after.contains(*byte))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

/// The scratch of one rule on one thread.
pub(crate) struct Scratch {
    cache: meta::Cache,
    slots: Vec<Option<NonMaxUsize>>,
}

impl Scratch {
    /// The range of the group whose start is in this slot.
    fn range(&self, slot: usize) -> Option<Range<usize>> {
        Some((*self.slots.get(slot)?)?.get()..(*self.slots.get(slot + 1)?)?.get())
    }
}

/// The part of the text that a context or companion may stand in.
fn region(hit: &Hit<'_>, side: Side, within_bytes: u32, within_lines: Option<u32>) -> Range<usize> {
    let within = usize::try_from(within_bytes).unwrap_or(usize::MAX).min(REACH);
    let mut first = hit.span.start.saturating_sub(within);
    let mut last = hit.text.len().min(hit.span.end.saturating_add(within));
    if let Some(lines) = within_lines {
        let lines = usize::try_from(lines).unwrap_or(usize::MAX);
        let before = hit.text.get(first..hit.span.start).unwrap_or_default();
        if let Some(newline) = memchr::memrchr_iter(b'\n', before).nth(lines) {
            first += newline + 1;
        }
        let after = hit.text.get(hit.span.end..last).unwrap_or_default();
        if let Some(newline) = memchr::memchr_iter(b'\n', after).nth(lines) {
            last = hit.span.end + newline;
        }
    }
    match side {
        Side::Before => first..hit.span.start,
        Side::After => hit.span.end..last,
        Side::Around => first..last,
    }
}

fn check_context(context: &Context, regex: &regex::bytes::Regex, hit: &Hit<'_>) -> Result<(), Refusal> {
    let region = region(hit, context.side, context.within_bytes, context.within_lines);
    let stands = regex.is_match(hit.text.get(region).unwrap_or_default());
    match context.mode {
        ContextMode::Require if !stands => Err(Refusal("its context is missing")),
        ContextMode::Forbid if stands => Err(Refusal("a context that rules it out")),
        ContextMode::Require | ContextMode::Forbid => Ok(()),
    }
}

/// Where in the hit's text a context's pattern stands.
fn context_place(context: &Context, regex: &regex::bytes::Regex, hit: &Hit<'_>) -> Option<Range<usize>> {
    let region = region(hit, context.side, context.within_bytes, context.within_lines);
    let found = regex.find(hit.text.get(region.clone())?)?;
    Some(region.start + found.start()..region.start + found.end())
}

/// The companion that is nearest to the match, and where in the hit's text the
/// part begins that was searched.
fn nearest<'t>(
    rule: &Rule,
    nearby: &Nearby,
    regex: &regex::bytes::Regex,
    hit: &Hit<'t>,
) -> Option<(usize, regex::bytes::Captures<'t>)> {
    let region = region(hit, nearby.side, nearby.within_bytes, nearby.within_lines);
    let offset = region.start;
    let haystack = hit.text.get(region).unwrap_or_default();
    let distance = |found: &regex::bytes::Captures<'_>| {
        // A companion may lean on the match itself (`id:secret`); what it adds may
        // not lie in it.
        let part = found.name("secret").unwrap_or_else(|| found.get_match());
        let (start, end) = (offset + part.start(), offset + part.end());
        let apart = end <= hit.span.start || start >= hit.span.end;
        let before = end <= hit.span.start;
        let gap = if before { end..hit.span.start } else { hit.span.end..start };
        let bytes = gap.len();
        // On its own line it belongs to the match, before or after; of two as many
        // lines away the one that follows, as a key follows the address that it opens.
        let lines = memchr::memchr_iter(b'\n', hit.text.get(gap).unwrap_or_default()).count();
        apart.then_some((lines, before && lines > 0, bytes))
    };
    // The key of the next service.
    let is_of_another = |found: &regex::bytes::Captures<'_>| {
        let secret = found.name("secret");
        secret.is_some_and(|secret| is_of_another(&rule.secret_type, hit.text, offset + secret.start()))
    };
    let nearest = regex
        .captures_iter(haystack)
        .filter(|found| !is_of_another(found))
        .filter_map(|found| Some((distance(&found)?, found)))
        .min_by_key(|(distance, found)| (*distance, found.get_match().start()));
    nearest.map(|(_, found)| (offset, found))
}

/// Where in the hit's text a companion stands.
fn nearby_place(
    rule: &Rule,
    nearby: &Nearby,
    regex: &regex::bytes::Regex,
    hit: &Hit<'_>,
) -> Option<Range<usize>> {
    let (offset, found) = nearest(rule, nearby, regex, hit)?;
    let found = found.get_match();
    Some(offset + found.start()..offset + found.end())
}

fn find_nearby(
    rule: &Rule,
    nearby: &Nearby,
    regex: &regex::bytes::Regex,
    hit: &mut Hit<'_>,
) -> Result<(), Refusal> {
    let Some((offset, found)) = nearest(rule, nearby, regex, hit) else {
        return if nearby.required { Err(Refusal("its companion is missing")) } else { Ok(()) };
    };
    for name in regex.capture_names().flatten() {
        let Some(group) = found.name(name) else { continue };
        let range = offset + group.start()..offset + group.end();
        if name == "secret" {
            // The match itself stays part of the finding.
            hit.claims.push(hit.secret.clone());
            hit.secret = range;
        } else {
            hit.add_attribute(Cow::Owned(name.to_owned()), String::from_utf8_lossy(group.as_bytes()));
        }
    }
    Ok(())
}
