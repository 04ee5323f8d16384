//! A volume group as its metadata describes it: from text to types.
//!
//! Format: `lib/format_text/import_vsn1.c` of LVM2 for groups and volumes, and the
//! `text_import` of each segment type under `lib/` (striped, mirror, raid, snapshot,
//! thin) for segments.

use std::collections::BTreeMap;

use super::text::{self, Section, TextError, Value};

/// A volume group.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) id: String,
    /// Higher with every change.
    pub(super) seqno: u64,
    /// Bytes of an extent; not 0.
    pub(super) extent: u64,
    /// By the names that segments use.
    pub(super) physical: BTreeMap<String, Physical>,
    pub(super) logical: BTreeMap<String, Logical>,
}

/// A physical volume, from the group's point of view.
#[derive(Clone, Debug)]
pub(super) struct Physical {
    /// Without dashes.
    pub(super) uuid: String,
    /// Where its first extent begins, in bytes.
    pub(super) start: u64,
    /// How many extents it has.
    pub(super) extents: u64,
}

/// A logical volume.
#[derive(Clone, Debug)]
pub(super) struct Logical {
    /// Whether it is meant to be used, not a part of another.
    pub(super) visible: bool,
    pub(super) segments: Vec<Segment>,
}

/// A range of a logical volume, in extents.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) start: u64,
    pub(super) count: u64,
    pub(super) form: Form,
}

/// A volume, physical or logical, and an extent on it.
pub(super) type Area = (String, u64);

/// How a segment is stored.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// In chunks of so many bytes over these in turn; one is the linear case.
    Striped { chunk: u64, areas: Vec<Area> },
    /// The same on each.
    Mirror { areas: Vec<Area> },
    /// The same on each image; each has a volume with its state.
    Raid1 { images: Vec<String>, states: Vec<String> },
    /// Not bytes of its own: says that `cow` is a snapshot of `origin`.
    Snapshot { origin: String, cow: String, merging: bool },
    /// Not bytes of its own: what thin volumes are taken from.
    ThinPool { metadata: String, data: String },
    /// A thin volume.
    Thin { pool: String, device: u64, origin: Option<String> },
    /// Zeros.
    Zero,
    /// A type that is not read.
    Other(String),
}

/// Why a group cannot be had from its text.
pub(super) type GroupError = &'static str;

/// Reads a metadata text.
pub(super) fn parse(text: &str) -> Result<Group, GroupError> {
    let root = text::parse(text).map_err(|error| match error {
        TextError::Syntax(_) => "the LVM metadata breaks its grammar",
        TextError::TooMuch(_) => "the LVM metadata is deeper or longer than is read",
    })?;
    let (name, group) = root.sections().next().ok_or("the LVM metadata names no group")?;
    let extent = group.number("extent_size").and_then(|sectors| sectors.checked_mul(512));
    let extent = extent.filter(|size| *size != 0).ok_or("an LVM group has no size of extents")?;
    let sections = |name| group.section(name).into_iter().flat_map(Section::sections);
    let mut physical = BTreeMap::new();
    for (name, section) in sections("physical_volumes") {
        let volume = Physical {
            uuid: section.text("id").unwrap_or_default().replace('-', ""),
            start: section
                .number("pe_start")
                .and_then(|at| at.checked_mul(512))
                .ok_or("an LVM physical volume does not say where it begins")?,
            extents: section.number("pe_count").unwrap_or(0),
        };
        physical.insert(name.to_owned(), volume);
    }
    let mut logical = BTreeMap::new();
    for (name, section) in sections("logical_volumes") {
        let visible = section.list("status").iter().any(|flag| flag.as_text() == Some("VISIBLE"));
        let named = section.sections().filter(|(name, _)| name.starts_with("segment"));
        let mut segments = named.map(|(_, section)| segment(section)).collect::<Result<Vec<_>, _>>()?;
        segments.sort_by_key(|segment| segment.start);
        logical.insert(name.to_owned(), Logical { visible, segments });
    }
    Ok(Group {
        name: name.to_owned(),
        id: group.text("id").unwrap_or_default().to_owned(),
        seqno: group.number("seqno").unwrap_or(0),
        extent,
        physical,
        logical,
    })
}

fn segment(section: &Section<'_>) -> Result<Segment, GroupError> {
    let start = section.number("start_extent").ok_or("an LVM segment has no begin")?;
    let count = section.number("extent_count").ok_or("an LVM segment has no length")?;
    // Flags may follow the type behind a `+`.
    let kind = section.text("type").unwrap_or_default();
    let kind = kind.split('+').next().unwrap_or_default();
    let text = |name| section.text(name).map(str::to_owned);
    let form = match kind {
        "striped" | "linear" => striped(section, areas(section, "stripes")),
        "raid0" | "raid0_meta" => {
            let mut images = names(section, "raid0_lvs");
            if images.is_empty() {
                images = pairs(section).1;
            }
            striped(section, Some(images.into_iter().map(|image| (image, 0)).collect()))
        }
        "mirror" => areas(section, "mirrors").map(|areas| Form::Mirror { areas }),
        "raid1" => {
            let (states, images) = pairs(section);
            (!images.is_empty()).then_some(Form::Raid1 { images, states })
        }
        "snapshot" => {
            let merging = section.get("merging_store").is_some();
            let cow = text(if merging { "merging_store" } else { "cow_store" });
            text("origin").zip(cow).map(|(origin, cow)| Form::Snapshot { origin, cow, merging })
        }
        "thin-pool" => {
            text("metadata").zip(text("pool")).map(|(metadata, data)| Form::ThinPool { metadata, data })
        }
        "thin" => text("thin_pool").zip(section.number("device_id")).map(|(pool, device)| Form::Thin {
            pool,
            device,
            origin: text("external_origin"),
        }),
        "zero" => Some(Form::Zero),
        other => Some(Form::Other(other.to_owned())),
    };
    Ok(Segment { start, count, form: form.ok_or("an LVM segment does not say where it lies")? })
}

fn striped(section: &Section<'_>, areas: Option<Vec<Area>>) -> Option<Form> {
    let areas = areas.filter(|areas| !areas.is_empty())?;
    let chunk = section.number("stripe_size").and_then(|sectors| sectors.checked_mul(512)).unwrap_or(0);
    (areas.len() == 1 || chunk != 0).then_some(Form::Striped { chunk, areas })
}

/// A list of names, each with an extent behind it.
fn areas(section: &Section<'_>, name: &str) -> Option<Vec<Area>> {
    let mut areas = Vec::new();
    for pair in section.list(name).chunks(2) {
        let [Value::Text(name), Value::Number(extent)] = pair else { return None };
        areas.push((name.clone().into_owned(), u64::try_from(*extent).ok()?));
    }
    Some(areas)
}

fn names(section: &Section<'_>, name: &str) -> Vec<String> {
    section.list(name).iter().filter_map(Value::as_text).map(str::to_owned).collect()
}

/// The states and images of a RAID segment, which stand in turn.
fn pairs(section: &Section<'_>) -> (Vec<String>, Vec<String>) {
    let all = names(section, "raids");
    (all.iter().step_by(2).cloned().collect(), all.iter().skip(1).step_by(2).cloned().collect())
}
