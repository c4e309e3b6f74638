-- Sends every MR series to Tumorscope's node when no image of it has arrived for StableAge seconds.
-- The node's results (SEG, SR, OT) come back into the same study; they are of other modalities and stay here.
function OnStableSeries(seriesId, tags, metadata)
  if tags['Modality'] == 'MR' then
    local series = { Resources = { seriesId }, Synchronous = false }
    RestApiPost('/modalities/tumorscope/store', DumpJson(series, true))
  end
end
